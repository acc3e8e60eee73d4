/** A fresh proof that it is you, asked for where the server wants one, and then the same request once more. */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useCallback, useContext, useRef, useState } from 'react'
import { Button } from '../ui/button.tsx'
import { Dialog } from '../ui/dialog.tsx'
import { TextField } from '../ui/text-field.tsx'
import { api, ApiError } from './api.ts'
import { passkeysWork, provePasskey } from './passkeys.ts'
import { refusalText } from './refusal-text.ts'
import { signOut } from './sign-out.ts'

export type Proven = <Answer>(act: () => Promise<Answer>) => Promise<Answer>

const StepUpContext = createContext<Proven>((act) => act())

/** `const proven = useProven(); await proven(() => api.post(…))`. Rejects with `AbortError` where the person gives up. */
export const useProven = (): Proven => useContext(StepUpContext)

interface Waiting {
  resolve: () => void
  reject: (reason: unknown) => void
}

export function StepUpProvider({ children }: { children: ReactNode }) {
  const [asking, setAsking] = useState<readonly string[] | null>(null)
  const waiting = useRef<Waiting[]>([])
  const proven = useCallback<Proven>(async (act) => {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof ApiError) || error.refusal.code !== 'step_up_required') throw error
      await new Promise<void>((resolve, reject) => {
        waiting.current.push({ resolve, reject })
        setAsking(methodsIn(error))
      })
      return act()
    }
  }, [])
  const end = (settle: (one: Waiting) => void) => {
    setAsking(null)
    for (const one of waiting.current.splice(0)) settle(one)
  }
  return (
    <StepUpContext value={proven}>
      {children}
      {asking && (
        <StepUpDialog
          methods={asking}
          onProven={() => end(({ resolve }) => resolve())}
          onCancel={() => end(({ reject }) => reject(new DOMException('This was not done.', 'AbortError')))}
        />
      )}
    </StepUpContext>
  )
}

/** By what this person can prove it, as the refusal says. */
function methodsIn(error: ApiError): string[] {
  const { methods } = error.body
  return Array.isArray(methods) ? methods.map(String) : ['password']
}

interface StepUpDialogProps {
  methods: readonly string[]
  onProven: () => void
  onCancel: () => void
}

const TITLE = 'Prove that it is you'
const ABOUT = 'Only somebody at this browser now may do this. The proof lasts for ten minutes.'

function StepUpDialog(props: StepUpDialogProps) {
  const { methods } = props
  if (methods.includes('provider')) return <SignInAgain onCancel={props.onCancel} />
  const typed = methods.includes('password') ? 'password' : methods.some((one) => one !== 'passkey') ? 'code' : null
  return <ProofDialog {...props} typed={typed} passkey={methods.includes('passkey') && passkeysWork()} />
}

/** The issuer knows them, and we don't: only signing in anew proves it. */
function SignInAgain({ onCancel }: { onCancel: () => void }) {
  const queries = useQueryClient()
  const again = useMutation({ mutationFn: () => signOut(queries, location.pathname + location.search) })
  return (
    <Dialog
      open
      onClose={onCancel}
      title={TITLE}
      about="Your linked account is what proves it: sign in with it again, and come back to this page. A password or a passkey of your own spares you the way."
      actions={
        <>
          <Button onClick={onCancel}>Cancel</Button>
          <Button variant="primary" busy={again.isPending && 'Signing out…'} onClick={() => again.mutate()}>
            Sign in again
          </Button>
        </>
      }
    />
  )
}

function ProofDialog({
  typed,
  passkey,
  onProven,
  onCancel,
}: StepUpDialogProps & { typed: 'password' | 'code' | null; passkey: boolean }) {
  const [secret, setSecret] = useState('')
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
  const byPasskey = () => prove(() => provePasskey('step-up'))
  const submit = () =>
    typed === null
      ? byPasskey()
      : prove(() => api.post('step-up', typed === 'code' ? { code: secret.trim() } : { password: secret }))
  return (
    <Dialog
      open
      onClose={onCancel}
      title={TITLE}
      about={ABOUT}
      onSubmit={submit}
      help={
        typed !== null &&
        passkey && (
          <button type="button" className="link" onClick={byPasskey}>
            Use a passkey
          </button>
        )
      }
      actions={
        <>
          <Button onClick={onCancel}>Cancel</Button>
          <Button variant="primary" type="submit" busy={busy && 'Checking…'}>
            {typed === null ? 'Use a passkey' : 'Continue'}
          </Button>
        </>
      }
    >
      {typed === null ? (
        <p role="status">{error ?? 'Your browser asks for the passkey of this account.'}</p>
      ) : (
        <TextField
          label={typed === 'code' ? 'Authentication code' : 'Password'}
          type={typed === 'code' ? 'text' : 'password'}
          autoComplete={typed === 'code' ? 'one-time-code' : 'current-password'}
          inputMode={typed === 'code' ? 'numeric' : 'text'}
          hint={typed === 'code' ? 'Of the authenticator app, or one of your recovery codes.' : undefined}
          autoFocus
          value={secret}
          onChange={(event) => setSecret(event.target.value)}
          error={error}
        />
      )}
    </Dialog>
  )
}
