/** Acts through tools, with what may come between: a fresh proof, and a plan that the person confirms by name. */
import { createContext, type ReactNode, useCallback, useContext, useRef, useState } from 'react'
import { api, HeldError, type Hold } from './api.ts'
import { HeldDialog } from './held-dialog.tsx'
import { useProven } from './step-up.tsx'

/** Resolves with the token that confirms the plan; rejects with `AbortError` where the person keeps things as they are. */
type Confirm = (hold: Hold) => Promise<string>

const HeldContext = createContext<Confirm>(() => Promise.reject(new Error('nothing here asks for confirmations')))

export type Act = <Answer>(tool: string, input: object) => Promise<Answer>

/** Calls a tool; where it answers with a plan, the person confirms exactly that, and the same call is sent with its token. */
export function useAct(): Act {
  const proven = useProven()
  const confirm = useContext(HeldContext)
  return useCallback(
    async <Answer,>(tool: string, input: object): Promise<Answer> => {
      try {
        return await proven(() => api.tool<Answer>(tool, input))
      } catch (error) {
        if (!(error instanceof HeldError)) throw error
        const confirmation = await confirm(error.hold)
        return proven(() => api.tool<Answer>(tool, { ...input, confirmation }))
      }
    },
    [proven, confirm],
  )
}

interface Waiting {
  hold: Hold
  resolve: (token: string) => void
  reject: (reason: unknown) => void
}

export function HeldProvider({ children }: { children: ReactNode }) {
  const [waiting, setWaiting] = useState<Waiting | null>(null)
  const current = useRef<Waiting | null>(null)
  const confirm = useCallback<Confirm>((hold) => {
    // Two plans at once can't be read: the later one stands, the former one is as if it had been kept.
    current.current?.reject(givenUp())
    return new Promise((resolve, reject) => {
      current.current = { hold, resolve, reject }
      setWaiting(current.current)
    })
  }, [])
  const end = (settle: (one: Waiting) => void) => {
    const one = current.current
    current.current = null
    setWaiting(null)
    if (one) settle(one)
  }
  return (
    <HeldContext value={confirm}>
      {children}
      {waiting && (
        <HeldDialog
          key={waiting.hold.operation}
          hold={waiting.hold}
          onKeep={() => end(({ reject }) => reject(givenUp()))}
          onConfirm={(token) => end(({ resolve }) => resolve(token))}
        />
      )}
    </HeldContext>
  )
}

const givenUp = () => new DOMException('This was not done.', 'AbortError')

/** The person stopped it themselves: nothing to report. */
export const isGivenUp = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError'
