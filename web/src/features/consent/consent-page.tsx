import { useMutation, useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { api } from '../../app/api.ts'
import { clientLabel } from '../../ui/client-label.ts'
import { ClientTile } from '../../ui/client-tile.tsx'
import { useLater } from '../../ui/later.ts'
import { type Choice, type ConsentRequest, firstChoice } from './consent.ts'
import { ConsentFoot } from './consent-foot.tsx'
import { DeadRequest, Loading, NotAllowed } from './consent-states.tsx'
import { Organizations } from './organizations.tsx'
import { Scopes } from './scopes.tsx'
import { Who } from './who.tsx'

const route = getRouteApi('/consent/$uid')

export function ConsentPage() {
  const { uid } = route.useParams()
  const path = `consent/${encodeURIComponent(uid)}`
  const found = useQuery({
    queryKey: ['consent', uid],
    queryFn: () => api.get<ConsentRequest>(path),
    retry: false,
    // What is being decided on must not change under the person's hand.
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
    gcTime: 0,
  })
  const late = useLater(found.isPending)
  if (found.error) return <DeadRequest error={found.error} onRetry={() => void found.refetch()} />
  if (!found.data) return late ? <Loading /> : null
  return (
    <Decide
      // What was ticked for another question says nothing about this one.
      key={found.data.seen}
      path={path}
      returnTo={`/consent/${encodeURIComponent(uid)}`}
      request={found.data}
      onReadAgain={() => void found.refetch()}
    />
  )
}

type Decision = { seen: string } & (
  | { decision: 'approve'; scopes: string[]; organizations: string[] | 'all' }
  | { decision: 'deny' }
)

interface DecideProps {
  path: string
  returnTo: string
  request: ConsentRequest
  onReadAgain: () => void
}

function Decide({ path, returnTo, request, onReadAgain }: DecideProps) {
  const [choice, setChoice] = useState(() => firstChoice(request))
  const decide = useMutation({
    mutationFn: (decision: Decision) => api.post<{ redirect_to: string }>(path, decision),
    // The server leads back to the program; from an app it stays, and says so.
    onSuccess: ({ redirect_to: to }) => location.assign(to),
  })
  const name = clientLabel(request.client)
  useEffect(() => {
    document.title = `${name} asks for access · Breeze`
  }, [name])
  // Come back by the browser's button, the page would stand as it was left: answered, and waiting.
  useEffect(() => {
    const onShow = (event: PageTransitionEvent) => event.persisted && location.reload()
    addEventListener('pageshow', onShow)
    return () => removeEventListener('pageshow', onShow)
  }, [])
  const { seen } = request
  const deny = () => decide.mutate({ decision: 'deny', seen })
  const busy = decide.isPending || decide.isSuccess ? decide.variables.decision : undefined
  if (!request.mcp_write) return <NotAllowed name={name} onDeny={deny} busy={busy !== undefined} />
  return (
    <div className="grid min-h-dvh grid-rows-[1fr_auto]">
      <main className="grid grid-cols-[minmax(0,1fr)] place-items-center max-sm:place-items-start sm:px-4 sm:py-6">
        <div className="w-240 max-w-full border-line bg-surface max-sm:pb-36 sm:rounded-4 sm:border sm:shadow-1">
          <header className="flex items-center gap-3 border-b border-line p-4 sm:px-6 sm:py-5">
            <ClientTile name={request.client.name} size="lg" />
            <div className="min-w-0 grow">
              <h1 className="text-20 font-semi wrap-anywhere max-sm:text-16">{name} asks for access to Breeze</h1>
              <p className="text-14 text-text-2 max-sm:text-13">
                You decide how much. It can never do more than you can, and you can end it at any time.
              </p>
            </div>
          </header>
          <div className="grid grid-cols-[minmax(0,1fr)] lg:grid-cols-[328px_minmax(0,1fr)]">
            <div className="border-line max-lg:border-b lg:border-r">
              <Who request={request} returnTo={returnTo} />
              <Organizations request={request} choice={choice} onChange={setChoice} />
              <section className="border-t border-line px-4 py-3.5 max-sm:hidden sm:px-6">
                <h2 className="text-12 font-medium text-text-3">How long</h2>
                <p className="mt-1.5 text-12 text-text-2">
                  Until you revoke it in Settings, or it is not used for long. Every call is recorded with your name.
                </p>
              </section>
            </div>
            <Scopes request={request} choice={choice} onChange={setChoice} />
          </div>
          <ConsentFoot
            request={request}
            choice={choice}
            busy={busy}
            error={decide.error}
            onDeny={deny}
            onApprove={() => decide.mutate(approval(seen, choice))}
            onReadAgain={onReadAgain}
          />
        </div>
      </main>
      <footer className="flex justify-center gap-4 p-4 text-12 text-text-3 max-sm:hidden">{location.host}</footer>
    </div>
  )
}

const approval = (seen: string, choice: Choice): Decision => ({
  decision: 'approve',
  seen,
  scopes: [...choice.scopes],
  organizations: choice.all ? 'all' : [...choice.organizations],
})
