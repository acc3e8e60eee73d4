import { useMutation, useQueryClient } from '@tanstack/react-query'
import { BadgeCheck } from 'lucide-react'
import { signOut } from '../../app/sign-out.ts'
import { Avatar } from '../../ui/avatar.tsx'
import { Note } from '../../ui/note.tsx'
import { Tag } from '../../ui/tag.tsx'
import { When } from '../../ui/when.tsx'
import type { ConsentRequest } from './consent.ts'

/** Who asks, where the answer goes, and as whom it will act. */
export function Who({ request, returnTo }: { request: ConsentRequest; returnTo: string }) {
  const { client, redirect, user, warnings } = request
  const queries = useQueryClient()
  const leave = useMutation({ mutationFn: () => signOut(queries, returnTo) })
  return (
    <>
      <section className="px-4 py-3.5 sm:px-6">
        <h2 className="text-12 font-medium text-text-3">Who asks</h2>
        <div className="mt-2 flex flex-col gap-2">
          <Origin client={client} warnings={warnings} />
          {request.before && <Before before={request.before} />}
          <dl className="grid grid-cols-[max-content_minmax(0,1fr)] gap-x-3 gap-y-1 text-12">
            <dt className="text-text-3">Identity</dt>
            <dd className="truncate font-mono" title={client.id}>
              {client.id}
            </dd>
            <dt className="text-text-3">Returns to</dt>
            <dd className="font-mono font-semi wrap-anywhere">
              {redirect.host}
              {redirect.loopback && ' (this computer)'}
            </dd>
          </dl>
        </div>
      </section>
      <section className="border-t border-line px-4 py-3.5 sm:px-6">
        <h2 className="text-12 font-medium text-text-3">Acting as you</h2>
        <div className="mt-2 flex items-center gap-3">
          <Avatar name={user.name} size="lg" />
          <div className="min-w-0 grow">
            <div className="truncate font-medium">{user.name}</div>
            {user.email !== user.name && <div className="truncate text-12 text-text-3">{user.email}</div>}
          </div>
          <button
            type="button"
            className="link max-sm:min-h-11 max-sm:px-2"
            title="Sign in as somebody else"
            onClick={() => leave.mutate()}
          >
            Switch
          </button>
        </div>
      </section>
    </>
  )
}

/** CON-6: more scopes are a new grant beside the old one. */
function Before({ before }: { before: NonNullable<ConsentRequest['before']> }) {
  const where = before.organizations?.map(({ name }) => name).join(', ') ?? 'every organization that you reach'
  return (
    <Note title="It has a grant of yours already.">
      <code className="text-12">{before.scopes.join(' ')}</code> in {where}, since <When at={before.created_at} />.
      Approving makes another beside it; the old one stays until you revoke it in Settings.
    </Note>
  )
}

function Origin({ client, warnings }: Pick<ConsentRequest, 'client' | 'warnings'>) {
  if (client.first_party) return <Tag tone="accent">First-party</Tag>
  if (client.verified) {
    return (
      <>
        <div className="flex flex-wrap items-center gap-2">
          <Tag tone="ok">
            <BadgeCheck className="size-3" strokeWidth={1.6} aria-hidden="true" />
            Verified
          </Tag>
          {client.host !== null && <span className="text-12 text-text-2">{client.host} vouches for this client</span>}
        </div>
        {warnings.length > 0 && <Note>{warnings.join(' ')}</Note>}
      </>
    )
  }
  const said = warnings.length > 0 ? warnings.join(' ') : 'It chose this name itself. Nobody vouches for it.'
  return (
    <Note tone="warn" title="Unverified.">
      {said} {!/just now/i.test(said) && 'Approve only if you started this just now.'}
    </Note>
  )
}
