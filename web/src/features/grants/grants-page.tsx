import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Ban, ListFilter, OctagonX, Unplug } from 'lucide-react'
import { useState } from 'react'
import { ListCount } from '../../app/layout/list-foot.tsx'
import { SettingsPage } from '../../app/layout/settings-page.tsx'
import { ToolTable } from '../../app/layout/tool-table.tsx'
import { useChosenOrganization } from '../../app/organization.ts'
import { can, withheld } from '../../app/permissions.ts'
import { type Session, useSession } from '../../app/session.ts'
import { useToolList } from '../../app/tool-queries.ts'
import { Button, buttonClass } from '../../ui/button.tsx'
import { Note } from '../../ui/note.tsx'
import { Segmented } from '../../ui/segmented.tsx'
import { StateView } from '../../ui/state-view.tsx'
import { StopDialog } from '../emergency/stop-dialog.tsx'
import { BlockedClients } from './blocked-clients.tsx'
import { grantColumns, isOver } from './grant-columns.tsx'
import { clients, type Grant, type GrantPage, grants } from './grants.ts'
import { RevokeClient } from './revoke.tsx'
import { useCut } from './use-cut.ts'

type Whose = 'everyone' | 'mine'
type Shown = 'active' | 'over'

/** A block holds for every organization: it takes the permission at the partner's level. */
export const mayBlock = (session: Session): boolean => Boolean(session.partner) && can(session, 'users.write')

export function GrantsPage() {
  const session = useSession()
  const organization = useChosenOrganization(session)
  const all = can(session, 'users.read')
  const [whose, setWhose] = useState<Whose>(all ? 'everyone' : 'mine')
  const [shown, setShown] = useState<Shown>('active')
  const [client, setClient] = useState('')
  const [ending, setEnding] = useState<Grant | null>(null)
  const [blocked, setBlocked] = useState(false)
  const [stopping, setStopping] = useState(false)
  const list = useToolList(
    grants({
      ...(organization && { organization: organization.id }),
      ...(whose === 'mine' && { user: 'me' }),
      ...(client !== '' && { client }),
      state: shown === 'active' ? ['active'] : ['revoked', 'expired'],
    }),
    (page: GrantPage) => page.grants,
  )
  const { rows, cut, onRevoked } = useCut(list.rows)
  const acts = {
    off: withheld(session, 'keys.write'),
    mayBlock: mayBlock(session),
    cut,
    onRevoked,
    onAll: setEnding,
    living: (rows ?? []).filter((grant) => !isOver(grant, cut)),
  }
  const narrowed = client !== '' || shown === 'over'
  const clear = () => {
    setClient('')
    setShown('active')
  }
  return (
    <SettingsPage
      title="Connected clients"
      toolbar={
        <>
          <h2 className="mr-2 font-semi">OAuth Grants</h2>
          {all && (
            <Segmented
              label="Whose"
              value={whose}
              options={[
                { value: 'everyone', label: 'Everyone' },
                { value: 'mine', label: 'Mine' },
              ]}
              onChange={setWhose}
            />
          )}
          <Segmented
            label="State"
            value={shown}
            options={[
              { value: 'active', label: 'Connected' },
              { value: 'over', label: 'Ended' },
            ]}
            onChange={setShown}
          />
          {all && <ClientFilter value={client} onChange={setClient} />}
          <span className="grow" />
          <Button
            size="sm"
            variant="danger-line"
            disabled={withheld(session, 'governance.write')}
            onClick={() => setStopping(true)}
          >
            <OctagonX className="size-4" strokeWidth={1.6} aria-hidden="true" />
            Stop all assistants…
          </Button>
          {all && (
            <Button size="sm" onClick={() => setBlocked(true)}>
              <Ban className="size-4" strokeWidth={1.6} aria-hidden="true" />
              Blocked clients
            </Button>
          )}
        </>
      }
      foot={
        <>
          <ListCount list={list} one="grant" many="grants" />
          <span className="grow" />
          <span className="max-sm:hidden">A grant ends after 30 days without use</span>
        </>
      }
    >
      {!session.oauth_enabled && (
        <div className="border-b border-line p-3">
          <Note title="Signing in with OAuth is off on this server.">
            An operator turned it off (<code>MCP_OAUTH_ENABLED=false</code>): these grants open nothing until it is on
            again.
          </Note>
        </div>
      )}
      <ToolTable
        caption="Connected clients"
        columns={grantColumns(acts)}
        list={list}
        rows={rows}
        rowKey={(grant) => grant.id}
        height="two"
        gone={(grant) => isOver(grant, cut)}
        empty={narrowed ? <NoMatch onClear={clear} /> : <NothingConnected />}
      />
      {ending && (
        <RevokeClient
          grant={ending}
          count={rows?.filter((one) => one.client.id === ending.client.id && !isOver(one, cut)).length}
          onClose={() => setEnding(null)}
        />
      )}
      {stopping && <StopDialog onClose={() => setStopping(false)} />}
      {blocked && <BlockedClients mayUnblock={mayBlock(session)} onClose={() => setBlocked(false)} />}
    </SettingsPage>
  )
}

function ClientFilter({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { data } = useQuery(clients())
  return (
    <select
      aria-label="Client"
      value={value}
      onChange={(event) => onChange(event.target.value)}
      className="h-7 max-w-48 rounded-2 border border-line-control bg-surface px-1.5 max-sm:h-11 max-sm:text-16"
    >
      <option value="">Every client</option>
      {data?.map((client) => (
        <option key={client.id} value={client.id}>
          {client.verified ? client.name : `“${client.name}”`}
        </option>
      ))}
    </select>
  )
}

const NoMatch = ({ onClear }: { onClear: () => void }) => (
  <StateView icon={ListFilter} title="No grant matches" actions={<Button onClick={onClear}>Clear filters</Button>} />
)

export const NothingConnected = () => (
  <StateView
    icon={Unplug}
    title="No clients connected yet"
    actions={
      <Link to="/settings/mcp-server" className={buttonClass({ variant: 'primary' })}>
        Connect your client
      </Link>
    }
  >
    A client appears here once somebody signs in with it and approves its scopes.
  </StateView>
)
