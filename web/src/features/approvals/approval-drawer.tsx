import { useQuery } from '@tanstack/react-query'
import { useLocation, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { CircleSlash, Link2Off } from 'lucide-react'
import { useEffect, useState } from 'react'
import { ApiError } from '../../app/api.ts'
import { Button } from '../../ui/button.tsx'
import { Refused } from '../../ui/confirm-dialog.tsx'
import { Drawer } from '../../ui/drawer.tsx'
import { Facts } from '../../ui/facts.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { Note } from '../../ui/note.tsx'
import { FailedState, StateView } from '../../ui/state-view.tsx'
import { TextField } from '../../ui/text-field.tsx'
import { refusalText } from '../../app/refusal-text.ts'
import { Tier } from '../../ui/tier.tsx'
import { When } from '../../ui/when.tsx'
import { STATE_WORDS, through, useDecide, wholeApproval, type WholeApproval } from './approvals.ts'

/** Nobody approves by a click that was meant for what stood there a moment before. */
const INERT_MS = 1000

declare module '@tanstack/history' {
  interface HistoryState {
    /** By a link of these pages, not by an address from outside. */
    openedHere?: boolean
  }
}

const LINK_CODES = new Set(['confirmation_invalid', 'confirmation_expired'])

export function ApprovalDrawer() {
  const { operationId = '' } = useParams({ strict: false })
  const navigate = useNavigate()
  const { link } = useSearch({ strict: false })
  const openedHere = useLocation({ select: ({ state }) => state.openedHere === true })
  const found = useQuery(wholeApproval(operationId, link))
  const approval = found.data
  const badLink = found.error instanceof ApiError && LINK_CODES.has(found.error.refusal.code)
  const isAbsent = !badLink && found.error instanceof ApiError && [400, 404].includes(found.error.status)
  return (
    <Drawer
      label={approval?.summary ?? 'Request'}
      onClose={() => void navigate({ to: '/approvals' })}
      title={<h2 className="truncate text-14 font-semi">{approval?.summary ?? 'Request'}</h2>}
    >
      {approval && link === undefined && !openedHere && (
        <div className="px-5 pt-4">
          <Note title="You did not come by a signed link.">
            Links that Breeze sends are signed; this address carries no signature. What stands here is the request
            itself.
          </Note>
        </div>
      )}
      {approval && <Details key={approval.operation} approval={approval} />}
      {!approval && badLink && (
        <StateView icon={Link2Off} title="This link is not good">
          {refusalText(found.error)}
        </StateView>
      )}
      {!approval && isAbsent && (
        <StateView icon={CircleSlash} title="There is no such request">
          It is about something that you do not reach, or its address is wrong.
        </StateView>
      )}
      {!approval && found.error && !isAbsent && !badLink && (
        <FailedState what="The request" error={found.error} onRetry={() => void found.refetch()} />
      )}
    </Drawer>
  )
}

function Details({ approval }: { approval: WholeApproval }) {
  const { plan, decision, result } = approval
  return (
    <div className="flex flex-col gap-4 px-5 py-4">
      {approval.because === 'untrusted_text' && (
        <Note tone="warn" title="It lately read what a device wrote.">
          Text on a device may have asked for this, and not the person it speaks for.
        </Note>
      )}
      <Facts
        facts={[
          ['State', STATE_WORDS[approval.state]],
          ['Asked by', approval.requested_by.name],
          ['Through', through(approval)],
          ['Tool', <Call key="tool" approval={approval} />],
          ['Organizations', approval.organizations.map(({ name }) => name).join(', ') || 'The partner itself'],
          ['Asked', <When key="asked" at={approval.requested_at} />],
          ['Ends', <When key="ends" at={approval.expires_at} />],
        ]}
      />
      <Radius plan={plan} />
      {plan.irreversible.length > 0 && (
        <Note tone="crit" title="Can’t be undone.">
          {plan.irreversible.join(' ')}
        </Note>
      )}
      {plan.warnings.length > 0 && <Note title="Note.">{plan.warnings.join('; ')}.</Note>}
      <section>
        <h3 className="mb-1.5 text-12 font-semi text-text-2">Exactly this input</h3>
        <pre className="max-h-80 overflow-auto rounded-2 border border-line bg-sunken px-3 py-2 text-12 wrap-anywhere whitespace-pre-wrap">
          {pretty(approval.input)}
        </pre>
      </section>
      {decision && (
        <Note title={`${STATE_WORDS[approval.state]} by ${decision.by}.`}>
          {decision.reason} {result && result.code !== 'done' && `It did not run: ${result.text}`}
        </Note>
      )}
      {approval.state === 'pending' && <Decide approval={approval} />}
    </div>
  )
}

const Call = ({ approval }: { approval: WholeApproval }) => (
  <span className="inline-flex flex-wrap items-center gap-2">
    <code>{[approval.tool, approval.action].filter(Boolean).join(' ')}</code>
    <Tier tier={approval.tier} />
  </span>
)

function Radius({ plan }: Pick<WholeApproval, 'plan'>) {
  const { devices, servers, sites, organizations, names } = plan.blast_radius
  const others = devices - names.length
  if (devices === 0) return names.length > 0 ? <p className="text-text-2">{names.join(', ')}</p> : null
  return (
    <Facts
      facts={[
        ['Devices', `${devices}${servers > 0 ? `, servers or domain controllers among them: ${servers}` : ''}`],
        ['Places', `${counted(sites, 'site')} of ${counted(organizations, 'organization')}`],
        ['By name', `${names.join(', ')}${others > 0 ? ` and ${others} more` : ''}`],
      ]}
    />
  )
}

const counted = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`

function Decide({ approval }: { approval: WholeApproval }) {
  const [saying, setSaying] = useState<'deny' | 'report' | null>(null)
  const inert = useInert()
  const decide = useDecide(() => setSaying(null))
  const off = approval.may_decide ? false : (approval.why_not ?? 'You can not decide this.')
  return (
    <>
      {off !== false && <Note title="You can’t decide this.">{off}</Note>}
      {saying === null && decide.refusal !== undefined && <Refused text={decide.refusal} />}
      <div className="sticky bottom-0 -mx-5 flex flex-wrap gap-2 border-t border-line bg-raised px-5 py-3">
        <Button variant="danger-line" disabled={off} onClick={() => setSaying('report')}>
          Report as suspicious…
        </Button>
        <span className="grow" />
        <Button disabled={off} onClick={() => setSaying('deny')}>
          Deny…
        </Button>
        <Button
          variant="primary"
          tier={approval.tier}
          disabled={off === false ? inert && 'Read it first.' : off}
          busy={decide.busy && saying === null && 'Approving…'}
          onClick={() => decide.run({ approval: approval.operation, decision: 'approve' })}
        >
          Approve
        </Button>
      </div>
      {saying !== null && (
        <Saying
          decision={saying}
          decide={decide}
          approval={approval}
          onClose={() => {
            decide.reset()
            setSaying(null)
          }}
        />
      )}
    </>
  )
}

interface SayingProps {
  approval: WholeApproval
  decision: 'deny' | 'report'
  decide: ReturnType<typeof useDecide>
  onClose: () => void
}

function Saying({ approval, decision, decide, onClose }: SayingProps) {
  const [reason, setReason] = useState('')
  const isReport = decision === 'report'
  return (
    <FormDialog
      title={isReport ? 'Report this as suspicious?' : 'Deny this?'}
      about={
        isReport
          ? `It will not run, and the ${approval.credential.kind.replaceAll('_', ' ')} “${approval.credential.name}” is ended at once, for good.`
          : 'It will not run. Whoever asked reads why.'
      }
      act={isReport ? 'Report and end it' : 'Deny'}
      doing={isReport ? 'Reporting…' : 'Denying…'}
      busy={decide.busy}
      refusal={decide.refusal}
      danger={isReport}
      disabled={reason.trim() === '' && 'Say why first.'}
      onClose={onClose}
      onSubmit={() => decide.run({ approval: approval.operation, decision, reason: reason.trim() })}
    >
      <TextField
        label="Why"
        value={reason}
        maxLength={500}
        autoFocus
        onChange={(event) => setReason(event.target.value)}
      />
    </FormDialog>
  )
}

function useInert(): boolean {
  const [inert, setInert] = useState(true)
  useEffect(() => {
    const timer = setTimeout(() => setInert(false), INERT_MS)
    return () => clearTimeout(timer)
  }, [])
  return inert
}

/** A long input was cut when it was stored, and is no JSON any more. */
function pretty(input: string): string {
  try {
    return JSON.stringify(JSON.parse(input), null, 2)
  } catch {
    return input
  }
}
