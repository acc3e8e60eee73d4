/** Acts through tools, with what may come between: a fresh proof, a plan that the person confirms by name, a second person. */
import { createContext, type ReactNode, useCallback, useContext, useRef, useState } from 'react'
import { api, HeldError, type Hold } from './api.ts'
import { HeldDialog } from './held-dialog.tsx'
import { useProven } from './step-up.tsx'

/** Resolves with the token that confirms the plan; rejects with `AbortError` where the person keeps things as they are. */
type Confirm = (hold: Hold) => Promise<string>

const HeldContext = createContext<Confirm>(() => Promise.reject(new Error('nothing here asks for confirmations')))

interface ActOptions {
  /** The plan is shown even where the policy would let the call through at once. */
  planFirst?: boolean | undefined
  /** Told the operation that the call becomes, before it is answered. */
  onConfirmed?: (operation: string) => void
}

export type Act = <Answer>(tool: string, input: object, options?: ActOptions) => Promise<Answer>

/** Calls a tool; where it answers with a plan, the person confirms exactly that, and the same call is sent with its token. */
export function useAct(): Act {
  const proven = useProven()
  const confirm = useContext(HeldContext)
  return useCallback(
    async <Answer,>(tool: string, input: object, options: ActOptions = {}): Promise<Answer> => {
      const send = (call: object) => proven(() => api.tool<Answer>(tool, call))
      const first: First<Answer> = options.planFirst
        ? await proven(() => preview(tool, input))
        : await answered(send(input))
      if ('answer' in first) return first.answer
      const confirmation = await confirm(first.hold)
      options.onConfirmed?.(first.hold.operation)
      // Confirmed, it may still wait for a second person: that is shown, and there is nothing to confirm any more.
      return send({ ...input, confirmation }).catch(async (refused: unknown) => {
        if (refused instanceof HeldError) await confirm(refused.hold)
        throw refused
      })
    },
    [proven, confirm],
  )
}

type First<Answer> = { answer: Answer } | { hold: Hold }

async function answered<Answer>(call: Promise<Answer>): Promise<First<Answer>> {
  try {
    return { answer: await call }
  } catch (error) {
    if (error instanceof HeldError) return { hold: error.hold }
    throw error
  }
}

/** The plan of a call that was not sent; its token confirms the call all the same. */
const preview = async (tool: string, input: object): Promise<{ hold: Hold }> => ({
  hold: {
    ...(await api.tool<Omit<Hold, 'state'>>('preview_action', { tool, input })),
    state: 'confirmation_required',
  } as Hold,
})

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
    current.current?.reject(new GivenUp(current.current.hold))
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
          key={`${waiting.hold.operation} ${waiting.hold.state}`}
          hold={waiting.hold}
          onKeep={() => end(({ hold, reject }) => reject(new GivenUp(hold)))}
          onConfirm={(token) => end(({ resolve }) => resolve(token))}
        />
      )}
    </HeldContext>
  )
}

/** The person let go of it: kept things as they are, or left it to whoever approves it. */
class GivenUp extends DOMException {
  readonly hold: Hold

  constructor(hold: Hold) {
    super('This was not done.', 'AbortError')
    this.hold = hold
  }
}

/** The person stopped it themselves: nothing to report. */
export const isGivenUp = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError'

/** It is asked for, and runs by itself once a second person approved it. */
export const isAwaitingApproval = (error: unknown): boolean =>
  error instanceof GivenUp && error.hold.state === 'approval_required'
