/** A fresh proof that it is you, asked for where the server wants one, and then the same request once more. */
import { createContext, type ReactNode, useCallback, useContext, useRef, useState } from 'react'
import { Button } from '../ui/button.tsx'
import { Dialog } from '../ui/dialog.tsx'
import { TextField } from '../ui/text-field.tsx'
import { api, ApiError } from './api.ts'
import { passkeysWork, provePasskey } from './passkeys.ts'
import { refusalText } from './refusal-text.ts'

export type Proven = <Answer>(act: () => Promise<Answer>) => Promise<Answer>

const StepUpContext = createContext<Proven>((act) => act())

/** `const proven = useProven(); await proven(() => api.post(…))`. Rejects with `AbortError` where the person gives up. */
export const useProven = (): Proven => useContext(StepUpContext)

interface Waiting {
  resolve: () => void
  reject: (reason: unknown) => void
}

export function StepUpProvider({ children }: { children: ReactNode }) {
  const [asking, setAsking] = useState(false)
  const waiting = useRef<Waiting[]>([])
  const proven = useCallback<Proven>(async (act) => {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof ApiError) || error.refusal.code !== 'step_up_required') throw error
      await new Promise<void>((resolve, reject) => {
        waiting.current.push({ resolve, reject })
        setAsking(true)
      })
      return act()
    }
  }, [])
  const end = (settle: (one: Waiting) => void) => {
    setAsking(false)
    for (const one of waiting.current.splice(0)) settle(one)
  }
  return (
    <StepUpContext value={proven}>
      {children}
      {asking && (
        <StepUpDialog
          onProven={() => end(({ resolve }) => resolve())}
          onCancel={() => end(({ reject }) => reject(new DOMException('This was not done.', 'AbortError')))}
        />
      )}
    </StepUpContext>
  )
}

function StepUpDialog({ onProven, onCancel }: { onProven: () => void; onCancel: () => void }) {
  const [secret, setSecret] = useState('')
  const [byCode, setByCode] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<string>()
  const prove = (by: () => Promise<unknown>) => {
    setBusy(true)
    setError(undefined)
    by().then(onProven, (reason: unknown) => {
      setBusy(false)
      setError(refusalText(reason))
    })
  }
  const submit = () => prove(() => api.post('step-up', byCode ? { code: secret.trim() } : { password: secret }))
  return (
    <Dialog
      open
      onClose={onCancel}
      title="Prove that it is you"
      about="This changes who can get in. The proof lasts for ten minutes."
      onSubmit={submit}
      help={
        passkeysWork() && (
          <button type="button" className="link" onClick={() => prove(() => provePasskey('step-up'))}>
            Use a passkey
          </button>
        )
      }
      actions={
        <>
          <Button onClick={onCancel}>Cancel</Button>
          <Button variant="primary" type="submit" busy={busy && 'Checking…'}>
            Continue
          </Button>
        </>
      }
    >
      <TextField
        key={String(byCode)}
        label={byCode ? 'Authentication code' : 'Password'}
        type={byCode ? 'text' : 'password'}
        autoComplete={byCode ? 'one-time-code' : 'current-password'}
        inputMode={byCode ? 'numeric' : 'text'}
        autoFocus
        value={secret}
        onChange={(event) => setSecret(event.target.value)}
        error={error}
      />
      <button
        type="button"
        className="link mt-3"
        onClick={() => {
          setByCode(!byCode)
          setSecret('')
        }}
      >
        {byCode ? 'Use the password' : 'Use a code of the authenticator app'}
      </button>
    </Dialog>
  )
}
