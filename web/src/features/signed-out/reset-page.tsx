import { useMutation, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { api } from '../../app/api.ts'
import { refusalText } from '../../app/refusal-text.ts'
import { Button, buttonClass } from '../../ui/button.tsx'
import { TextField } from '../../ui/text-field.tsx'
import { DeadLink } from './dead-link.tsx'
import { useEnter } from './enter.ts'
import { SignedOut } from './frame.tsx'
import { NewPassword } from './password-fields.tsx'
import { SecondFactor } from './second-factor.tsx'
import type { SignInState } from './sign-in-page.tsx'

const route = getRouteApi('/reset/$token')

/** Asks for a link by mail. The answer is the same whether there is such an account or not. */
export function AskResetPage() {
  const [email, setEmail] = useState('')
  const ask = useMutation({ mutationFn: () => api.post('resets', { email: email.trim() }) })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!ask.isPending) ask.mutate()
  }
  if (ask.isSuccess) {
    return (
      <SignedOut
        title="Look for a link"
        about="If this server sends mail and the account exists, a link is on its way. Otherwise an administrator can make one for you."
      >
        <BackLink />
      </SignedOut>
    )
  }
  return (
    <SignedOut title="Set a new password" about="You get a link by mail, or from an administrator.">
      <form className="flex flex-col gap-4" onSubmit={submit} noValidate>
        <TextField
          label="Email"
          type="email"
          size="lg"
          autoComplete="username"
          autoFocus
          value={email}
          onChange={(event) => setEmail(event.target.value)}
          error={ask.error ? refusalText(ask.error) : undefined}
        />
        <Button variant="primary" size="lg" block type="submit" busy={ask.isPending && 'Asking…'}>
          Continue
        </Button>
        <BackLink />
      </form>
    </SignedOut>
  )
}

const BackLink = () => (
  <Link to="/sign-in" className={buttonClass({ size: 'lg', block: true, variant: 'ghost' })}>
    Back to the sign-in
  </Link>
)

export function ResetPage() {
  const { token } = route.useParams()
  const path = `resets/${encodeURIComponent(token)}`
  const found = useQuery({
    queryKey: ['reset', token],
    queryFn: () => api.get<{ email?: string }>(path),
    retry: false,
  })
  const [password, setPassword] = useState('')
  const [second, setSecond] = useState<SignInState['methods']>()
  const enter = useEnter('/')
  const set = useMutation({
    mutationFn: () => api.post<SignInState>(path, { password }),
    onSuccess: (answer) => (answer.state === 'signed_in' ? enter() : setSecond(answer.methods ?? [])),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!set.isPending) set.mutate()
  }
  if (found.error) {
    return (
      <DeadLink
        title="This link is over"
        remedy="It was used or has expired. Ask for a new one, or ask an administrator."
        error={found.error}
      />
    )
  }
  if (second) {
    const email = found.data?.email ?? ''
    return <SecondFactor email={email} methods={second} onSignedIn={enter} onBack={() => location.assign('/sign-in')} />
  }
  return (
    <SignedOut title="Set a new password" about={found.data?.email}>
      <form className="flex flex-col gap-4" onSubmit={submit} noValidate>
        <NewPassword value={password} onChange={setPassword} error={set.error ? refusalText(set.error) : undefined} />
        <Button variant="primary" size="lg" block type="submit" busy={(set.isPending || set.isSuccess) && 'Setting…'}>
          Set password
        </Button>
      </form>
    </SignedOut>
  )
}
