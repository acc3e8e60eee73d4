import { useMutation, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, Navigate } from '@tanstack/react-router'
import { Building2 } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { api, ApiError } from '../../app/api.ts'
import { passkeysWork, signInWithPasskey } from '../../app/passkeys.ts'
import { refusalText } from '../../app/refusal-text.ts'
import { safeReturn, sessionQuery } from '../../app/session.ts'
import { Button, buttonClass } from '../../ui/button.tsx'
import { Note } from '../../ui/note.tsx'
import { TextField } from '../../ui/text-field.tsx'
import { useEnter } from './enter.ts'
import { Or, SignedOut } from './frame.tsx'
import { PasskeyButton } from './passkey-button.tsx'
import { providerProblem } from './provider-problems.ts'
import { SecondFactor } from './second-factor.tsx'

const route = getRouteApi('/sign-in')

export interface SignInState {
  state: 'signed_in' | 'second_factor'
  methods?: ('totp' | 'passkey' | 'recovery')[]
}

interface Provider {
  id: string
  name: string
}

export function SignInPage() {
  const { return_to: returnTo, problem } = route.useSearch()
  const { data: session, error } = useQuery(sessionQuery)
  const [second, setSecond] = useState<SignInState['methods']>()
  const [email, setEmail] = useState('')
  const enter = useEnter(returnTo)
  const onState = (answer: SignInState) => (answer.state === 'signed_in' ? enter() : setSecond(answer.methods ?? []))
  if (session && !second) return <Navigate to={safeReturn(returnTo)} replace />
  const about = error instanceof ApiError && error.status === 401 ? error.body : {}
  if (second) {
    return <SecondFactor email={email} methods={second} onSignedIn={enter} onBack={() => setSecond(undefined)} />
  }
  return (
    <SignedOut title="Sign in" about={waiting(returnTo)}>
      {error instanceof ApiError && error.status !== 401 && (
        <div className="mb-4">
          <Note tone="crit" title={error.refusal.reason}>
            {error.refusal.remedy}
          </Note>
        </div>
      )}
      <ProviderProblem problem={problem} />
      <PasswordForm email={email} onEmail={setEmail} onState={onState} />
      <OtherWays providers={providersOf(about)} returnTo={returnTo} onState={onState} />
      <p className="mt-6 text-12 text-text-3">
        {about['setup_needed'] === true ? (
          <>
            Nobody has signed in yet. The password is in the server’s first lines of output; or{' '}
            <Link to="/setup">make the first account your own</Link>.
          </>
        ) : (
          'Accounts are made by invitation. Ask an administrator for one.'
        )}
      </p>
    </SignedOut>
  )
}

function ProviderProblem({ problem }: { problem: string | undefined }) {
  const known = providerProblem(problem)
  if (!known) return null
  return (
    <div className="mb-4">
      <Note tone="crit" title={known.title} alert>
        {known.remedy}
      </Note>
    </div>
  )
}

export const providersOf = (about: Readonly<Record<string, unknown>>): Provider[] =>
  // The server's own contract names the shape.
  Array.isArray(about['providers']) ? (about['providers'] as Provider[]) : []

const waiting = (returnTo: string | undefined) =>
  returnTo !== undefined && /^\/(?:consent|oauth)\//.test(safeReturn(returnTo))
    ? 'An assistant is waiting. After you sign in you will see what it asks for before anything is shared.'
    : undefined

interface PasswordFormProps {
  email: string
  onEmail: (email: string) => void
  onState: (answer: SignInState) => unknown
}

function PasswordForm({ email, onEmail, onState }: PasswordFormProps) {
  const [password, setPassword] = useState('')
  const signIn = useMutation({
    mutationFn: () => api.post<SignInState>('sign-in', { email: email.trim(), password }),
    onSuccess: onState,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!signIn.isPending) signIn.mutate()
  }
  return (
    <form className="flex flex-col gap-4" onSubmit={submit} noValidate>
      <TextField
        label="Email"
        type="email"
        size="lg"
        autoComplete="username webauthn"
        autoCapitalize="none"
        autoFocus
        value={email}
        onChange={(event) => onEmail(event.target.value)}
      />
      <TextField
        label="Password"
        type="password"
        size="lg"
        autoComplete="current-password"
        value={password}
        onChange={(event) => setPassword(event.target.value)}
        error={signIn.error ? refusalText(signIn.error) : undefined}
        aside={
          <Link to="/reset" className="link text-12">
            Forgot it?
          </Link>
        }
      />
      <Button
        variant="primary"
        size="lg"
        block
        type="submit"
        busy={(signIn.isPending || signIn.isSuccess) && 'Signing in…'}
      >
        Sign in
      </Button>
    </form>
  )
}

interface OtherWaysProps {
  providers: readonly Provider[]
  returnTo: string | undefined
  onState: (answer: SignInState) => unknown
}

function OtherWays({ providers, returnTo, onState }: OtherWaysProps) {
  const passkey = useMutation({
    mutationFn: () => signInWithPasskey() as Promise<SignInState>,
    onSuccess: onState,
  })
  if (!passkeysWork() && providers.length === 0) return null
  return (
    <>
      <Or />
      <div className="flex flex-col gap-2">
        {passkeysWork() && <PasskeyButton busy={passkey.isPending} onPress={() => passkey.mutate()} />}
        {providers.map(({ id, name }) => (
          <a
            key={id}
            className={buttonClass({ size: 'lg', block: true })}
            href={`/api/console/sign-in/provider/${encodeURIComponent(id)}?return_to=${encodeURIComponent(safeReturn(returnTo))}`}
          >
            <Building2 className="size-4" strokeWidth={1.6} aria-hidden="true" />
            Continue with {name}
          </a>
        ))}
        {passkey.error && <Note tone="crit" title={refusalText(passkey.error)} alert />}
      </div>
    </>
  )
}
