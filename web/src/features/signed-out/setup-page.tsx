import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useEffect, useState } from 'react'
import { api } from '../../app/api.ts'
import { refusalText } from '../../app/refusal-text.ts'
import { Button } from '../../ui/button.tsx'
import { TextField } from '../../ui/text-field.tsx'
import { useEnter } from './enter.ts'
import { SignedOut } from './frame.tsx'
import { NewPassword } from './password-fields.tsx'

/** The first administrator, while nobody has signed in yet. The link of the first start carries its token after the `#`. */
export function SetupPage() {
  const [given] = useState(() => decodeURIComponent(location.hash.slice(1)))
  // It is not left in the address, where it would be seen and remembered.
  useEffect(() => history.replaceState(history.state, '', location.pathname), [])
  const [token, setToken] = useState(given)
  const [name, setName] = useState('')
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const enter = useEnter('/')
  const setUp = useMutation({
    mutationFn: () => api.post('setup', { token: token.trim(), name: name.trim(), email: email.trim(), password }),
    onSuccess: enter,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!setUp.isPending) setUp.mutate()
  }
  return (
    <SignedOut title="Set up Breeze" about="Nobody has signed in yet. The first account is an administrator’s.">
      <form className="flex flex-col gap-4" onSubmit={submit} noValidate>
        <TextField
          label="Set-up token"
          size="lg"
          autoComplete="off"
          autoFocus={given === ''}
          value={token}
          onChange={(event) => setToken(event.target.value)}
          hint="The server printed it when it first started."
        />
        <TextField
          label="Name"
          size="lg"
          autoComplete="name"
          autoFocus={given !== ''}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <TextField
          label="Email"
          type="email"
          size="lg"
          autoComplete="username"
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
        <NewPassword
          value={password}
          onChange={setPassword}
          error={setUp.error ? refusalText(setUp.error) : undefined}
        />
        <Button
          variant="primary"
          size="lg"
          block
          type="submit"
          busy={(setUp.isPending || setUp.isSuccess) && 'Setting up…'}
        >
          Continue
        </Button>
      </form>
    </SignedOut>
  )
}
