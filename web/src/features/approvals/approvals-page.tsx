import { Outlet, useNavigate, useParams } from '@tanstack/react-router'
import { CheckCheck } from 'lucide-react'
import { useState } from 'react'
import { ListCount } from '../../app/layout/list-foot.tsx'
import { Page } from '../../app/layout/page.tsx'
import { ToolTable } from '../../app/layout/tool-table.tsx'
import { useChosenOrganization } from '../../app/organization.ts'
import { useSession } from '../../app/session.ts'
import { useToolList } from '../../app/tool-queries.ts'
import type { Column } from '../../ui/data-table.tsx'
import { Segmented } from '../../ui/segmented.tsx'
import { StateView } from '../../ui/state-view.tsx'
import { TierGlyph } from '../../ui/tier.tsx'
import { When } from '../../ui/when.tsx'
import { Elevations } from './elevations.tsx'
import { type Approval, type ApprovalPage, type ApprovalState, approvals, STATE_WORDS } from './approvals.ts'

type Shown = 'pending' | 'decided' | 'elevations'
const DECIDED: readonly ApprovalState[] = ['approved', 'denied', 'reported', 'expired', 'cancelled']

export function ApprovalsPage() {
  const session = useSession()
  const organization = useChosenOrganization(session)
  const navigate = useNavigate()
  const { operationId } = useParams({ strict: false })
  const [shown, setShown] = useState<Shown>('pending')
  const filter = { state: shown === 'pending' ? (['pending'] as const) : DECIDED }
  const list = useToolList(
    approvals({ ...filter, ...(organization && { organization: organization.id }) }),
    (page: ApprovalPage) => page.approvals,
  )
  return (
    <Page
      title="Approvals"
      toolbar={
        <Segmented
          label="State"
          value={shown}
          options={[
            { value: 'pending', label: 'Waiting' },
            { value: 'decided', label: 'Decided' },
            { value: 'elevations', label: 'Elevations' },
          ]}
          onChange={setShown}
        />
      }
      foot={
        <>
          {shown !== 'elevations' && <ListCount list={list} one="request" many="requests" />}
          <span className="grow" />
          <span className="max-sm:hidden">What nobody decides in time never runs</span>
        </>
      }
    >
      {shown === 'elevations' ? (
        <Elevations organization={organization?.id} />
      ) : (
        <ToolTable
          caption="Approvals"
          columns={COLUMNS}
          list={list}
          rowKey={({ operation }) => operation}
          height="two"
          current={operationId}
          onOpen={({ operation: operationId }) =>
            void navigate({ to: '/approvals/$operationId', params: { operationId }, state: { openedHere: true } })
          }
          empty={<Nothing shown={shown} />}
        />
      )}
      <Outlet />
    </Page>
  )
}

const COLUMNS: readonly Column<Approval>[] = [
  {
    id: 'what',
    head: 'What would happen',
    cell: (approval) => (
      <span className="flex min-w-0 items-center gap-2">
        <TierGlyph tier={approval.tier} label />
        <span className="flex min-w-0 flex-col">
          <b className="truncate font-medium" title={approval.summary}>
            {approval.summary}
          </b>
          <span className="truncate text-12 text-text-3">
            <code>{approval.tool}</code> · {approval.organizations.map(({ name }) => name).join(', ')}
          </span>
        </span>
      </span>
    ),
  },
  {
    id: 'who',
    head: 'Asked by',
    width: '24%',
    phone: false,
    cell: (approval) => (
      <span className="flex min-w-0 flex-col">
        <span className="truncate">{approval.requested_by.name}</span>
        <span className="truncate text-12 text-text-3">{approval.client ?? approval.channel}</span>
      </span>
    ),
  },
  {
    id: 'state',
    head: 'State',
    width: '18%',
    cell: (approval) => (
      <span className="flex min-w-0 flex-col">
        <span>{STATE_WORDS[approval.state]}</span>
        <span className="truncate text-12 text-text-3">
          {approval.decision ? (
            <>
              {approval.decision.by}, <When at={approval.decision.at} />
            </>
          ) : (
            <>
              until <When at={approval.expires_at} />
            </>
          )}
        </span>
      </span>
    ),
  },
]

const Nothing = ({ shown }: { shown: Shown }) => (
  <StateView icon={CheckCheck} title={shown === 'pending' ? 'Nothing waits for a decision' : 'Nothing was decided yet'}>
    {shown === 'pending'
      ? 'Calls that touch many devices, or whatever a policy names, wait here for a second person.'
      : 'What was approved, denied or reported stays here, with who decided and why.'}
  </StateView>
)
