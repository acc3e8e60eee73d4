import { useMutation, useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { api, ApiError } from '../../app/api.ts'
import { refusalText } from '../../app/refusal-text.ts'
import { sessionQuery } from '../../app/session.ts'
import { Button } from '../../ui/button.tsx'
import { Facts } from '../../ui/facts.tsx'
import { Note } from '../../ui/note.tsx'
import { TextField } from '../../ui/text-field.tsx'
import { When } from '../../ui/when.tsx'
import { DeadLink } from './dead-link.tsx'
import { useEnter } from './enter.ts'
import { Or, SignedOut } from './frame.tsx'
import { providersOf } from './sign-in-page.tsx'
import { NewPassword } from './password-fields.tsx'

const route = getRouteApi('/invitation/$token')

interface Invitation {
  email: string
  name: string | null
  /** Null: of the partner itself. */
  organization: string | null
  role: string
  expires_at: string
}

export function InvitationPage() {
  const { token } = route.useParams()
  const path = `invitations/${encodeURIComponent(token)}`
  const found = useQuery({ queryKey: ['invitation', token], queryFn: () => api.get<Invitation>(path), retry: false })
  if (found.error) {
    return (
      <DeadLink
        title="This invitation is over"
        remedy="It was used, has expired or was withdrawn. Ask the administrator who sent it for a new one."
        error={found.error}
      />
    )
  }
  if (!found.data) return <SignedOut title="Invitation" />
  return <AcceptForm path={path} invitation={found.data} />
}

/** With an account at another issuer instead of a password. */
function OtherWays({ path }: { path: string }) {
  const { error } = useQuery(sessionQuery)
  const providers = error instanceof ApiError && error.status === 401 ? providersOf(error.body) : []
  const begin = useMutation({
    mutationFn: (id: string) => api.post<{ redirect_to: string }>(`${path}/provider/${encodeURIComponent(id)}`),
    onSuccess: ({ redirect_to: address }) => location.assign(address),
  })
  if (providers.length === 0) return null
  return (
    <>
      <Or />
      <div className="flex flex-col gap-2">
        {providers.map(({ id, name }) => (
          <Button key={id} size="lg" block disabled={begin.isPending} onClick={() => begin.mutate(id)}>
            Continue with {name}
          </Button>
        ))}
        {begin.error && <Note tone="crit" title={refusalText(begin.error)} alert />}
      </div>
    </>
  )
}

function AcceptForm({ path, invitation }: { path: string; invitation: Invitation }) {
  const [name, setName] = useState(invitation.name ?? '')
  const [password, setPassword] = useState('')
  const enter = useEnter('/')
  const accept = useMutation({ mutationFn: () => api.post(path, { name: name.trim(), password }), onSuccess: enter })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!accept.isPending) accept.mutate()
  }
  return (
    <SignedOut title="Join Breeze" about="Choose a name and a password; then you are signed in.">
      <Facts
        facts={[
          ['Email', invitation.email],
          ['Organization', invitation.organization ?? 'all of the partner’s'],
          ['Role', invitation.role],
          ['Open until', <When key="until" at={invitation.expires_at} />],
        ]}
      />
      <form className="mt-5 flex flex-col gap-4" onSubmit={submit} noValidate>
        <input type="hidden" autoComplete="username" value={invitation.email} readOnly />
        <TextField
          label="Name"
          size="lg"
          autoComplete="name"
          autoFocus
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <NewPassword
          value={password}
          onChange={setPassword}
          error={accept.error ? refusalText(accept.error) : undefined}
        />
        <Button
          variant="primary"
          size="lg"
          block
          type="submit"
          busy={(accept.isPending || accept.isSuccess) && 'Joining…'}
        >
          Continue
        </Button>
      </form>
      <OtherWays path={path} />
    </SignedOut>
  )
}
