import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api } from '../../app/api.ts'
import { passkeysWork, signInWithPasskey } from '../../app/passkeys.ts'
import { refusalText } from '../../app/refusal-text.ts'
import { Avatar } from '../../ui/avatar.tsx'
import { Button } from '../../ui/button.tsx'
import { Note } from '../../ui/note.tsx'
import { TextField } from '../../ui/text-field.tsx'
import { PasskeyButton } from './passkey-button.tsx'
import { SignedOut } from './frame.tsx'
import type { SignInState } from './sign-in-page.tsx'

interface SecondFactorProps {
  email: string
  methods: NonNullable<SignInState['methods']>
  onSignedIn: () => unknown
  onBack: () => void
}

export function SecondFactor({ email, methods, onSignedIn, onBack }: SecondFactorProps) {
  const hasCode = methods.includes('totp') || methods.includes('recovery')
  const [recovery, setRecovery] = useState(!methods.includes('totp'))
  const passkey = useMutation({ mutationFn: signInWithPasskey, onSuccess: onSignedIn })
  const about = recovery
    ? 'One of the recovery codes that you stored. Each works once.'
    : 'Six digits from your authenticator app.'
  return (
    <SignedOut title={hasCode ? 'Enter your code' : 'Use your passkey'} about={hasCode ? about : undefined}>
      {hasCode && <CodeForm key={String(recovery)} recovery={recovery} onSignedIn={onSignedIn} />}
      <div className="mt-3 flex flex-col gap-2">
        {methods.includes('passkey') && passkeysWork() && (
          <PasskeyButton busy={passkey.isPending} onPress={() => passkey.mutate()} />
        )}
        {methods.includes('totp') && methods.includes('recovery') && (
          <Button variant="ghost" size="lg" block onClick={() => setRecovery(!recovery)}>
            {recovery ? 'Use the authenticator app' : 'Use a recovery code'}
          </Button>
        )}
        {passkey.error && <Note tone="crit" title={refusalText(passkey.error)} alert />}
      </div>
      <div className="mt-7 flex items-center gap-3 border-t border-line pt-4">
        <Avatar name={email} size="lg" />
        <span className="min-w-0 grow truncate font-medium">{email}</span>
        <button type="button" className="link shrink-0 text-12 whitespace-nowrap" onClick={onBack}>
          Not you?
        </button>
      </div>
    </SignedOut>
  )
}

function CodeForm({ recovery, onSignedIn }: { recovery: boolean; onSignedIn: () => unknown }) {
  const [code, setCode] = useState('')
  const check = useMutation({
    mutationFn: () => api.post<SignInState>('sign-in/code', { code: code.trim() }),
    onSuccess: onSignedIn,
    onError: () => setCode(''),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!check.isPending && code.trim() !== '') check.mutate()
  }
  return (
    <form className="flex flex-col gap-4" onSubmit={submit} noValidate>
      <TextField
        label={recovery ? 'Recovery code' : 'Authentication code'}
        size="lg"
        autoFocus
        autoComplete={recovery ? 'off' : 'one-time-code'}
        inputMode={recovery ? 'text' : 'numeric'}
        value={code}
        onChange={(event) => setCode(event.target.value)}
        className={recovery ? '' : '[&_input]:font-mono [&_input]:text-20! [&_input]:tracking-[0.3em]'}
        error={check.error ? refusalText(check.error) : undefined}
      />
      <Button
        variant="primary"
        size="lg"
        block
        type="submit"
        busy={(check.isPending || check.isSuccess) && 'Checking…'}
      >
        Continue
      </Button>
    </form>
  )
}
