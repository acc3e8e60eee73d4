import { getRouteApi, Outlet, useParams } from '@tanstack/react-router'
import { BellOff, ListFilter } from 'lucide-react'
import { useRef, useState } from 'react'
import { ListCount } from '../../app/layout/list-foot.tsx'
import { Page } from '../../app/layout/page.tsx'
import { ToolTable } from '../../app/layout/tool-table.tsx'
import { useLiveList } from '../../app/live-list.ts'
import { chooseOrganization, useChosenOrganization } from '../../app/organization.ts'
import { withheld } from '../../app/permissions.ts'
import { useSession } from '../../app/session.ts'
import { useToolList } from '../../app/tool-queries.ts'
import { Button } from '../../ui/button.tsx'
import { Kbd } from '../../ui/kbd.tsx'
import { StateView } from '../../ui/state-view.tsx'
import { type AlertAct, type Acting, ActDialog } from './alert-acts.tsx'
import { alertColumns } from './alert-columns.tsx'
import { AlertFilters } from './alert-filters.tsx'
import { AlertGroups } from './alert-groups.tsx'
import { type AlertSearch, clean, type SearchChange, SEVERITIES } from './alert-search.ts'
import { type Alert, ALERT_TOOLS, alertList, type AlertPage, type Group } from './alerts.ts'
import { BulkBar } from './bulk-bar.tsx'
import { FoldedAlerts } from './folded-alerts.tsx'
import { useSelection } from './selection.ts'

const route = getRouteApi('/console/alerts')
const BESIDE = ['get_alert'] as const

export function AlertsPage() {
  const session = useSession()
  const organization = useChosenOrganization(session)
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { alertId } = useParams({ strict: false })
  const list = useToolList(alertList(search, organization?.id), (page: AlertPage) => page.alerts)
  const selection = useSelection(list.rows)
  const [acting, setActing] = useState<Acting | null>(null)
  const body = useRef<HTMLDivElement>(null)
  const live = useLiveList({
    subject: 'alerts',
    tools: ALERT_TOOLS,
    beside: BESIDE,
    list: body,
    selecting: selection.chosen.length > 0,
  })
  const off = withheld(session, 'alerts.write')
  const change = (changed: SearchChange) =>
    void navigate({ to: '.', search: clean({ ...search, ...changed }), replace: 'text' in changed })
  const act = (what: AlertAct, alerts: readonly Alert[]) => {
    if (off === false) setActing({ act: what, alerts })
  }
  const narrowed = Object.keys(search).some((key) => key !== 'status' && key !== 'group' && key !== 'all')
  const empty = narrowed ? <NoMatch onClear={() => void navigate({ to: '.', search: {} })} /> : <NoAlerts {...search} />
  const open = (alert: Alert) => void navigate({ to: '/alerts/$alertId', params: { alertId: alert.id }, search: true })
  return (
    <Page
      title="Alerts"
      toolbar={
        <AlertFilters
          search={search}
          organization={organization?.id}
          deviceName={list.rows?.[0]?.device?.name}
          onChange={change}
        />
      }
      foot={
        <>
          <ListCount list={list} one="alert" many="alerts" />
          <FoldedAlerts search={search} organization={organization?.id} onShow={(all) => change({ all })} />
          <span className="grow" />
          {live.waiting && (
            <Button size="sm" variant="ghost" onClick={live.refresh}>
              Alerts changed. Show them
            </Button>
          )}
          <Keys />
        </>
      }
    >
      <div ref={body} className="contents">
        {search.group ? (
          <AlertGroups
            search={search}
            by={search.group}
            organization={organization?.id}
            empty={empty}
            onOpen={(group) => narrow(search, group, change)}
          />
        ) : (
          <ToolTable
            caption="Alerts"
            columns={alertColumns(selection, organization === null)}
            list={list}
            rowKey={({ id }) => id}
            current={alertId}
            selected={selection.has}
            onOpen={open}
            keys={{
              e: (alert) => act('acknowledge', selected(selection.chosen, alert)),
              r: (alert) => act('resolve', selected(selection.chosen, alert)),
              x: selection.toggle,
            }}
            empty={empty}
          />
        )}
      </div>
      <BulkBar selection={selection} off={off} onAct={(what) => act(what, selection.chosen)} />
      <Outlet />
      {acting && (
        <ActDialog
          acting={acting}
          onClose={() => {
            setActing(null)
            selection.clear()
          }}
        />
      )}
    </Page>
  )
}

/** A key on a row that is not among the chosen ones is about this row alone. */
const selected = (chosen: readonly Alert[], alert: Alert): readonly Alert[] =>
  chosen.some(({ id }) => id === alert.id) ? chosen : [alert]

/** From a group to its alerts. */
function narrow({ group }: AlertSearch, { key }: Group, change: (changed: SearchChange) => void) {
  if (key === null) return
  if (group === 'organization') chooseOrganization(key)
  change({
    group: undefined,
    ...(group === 'device' && { device: key }),
    ...(group === 'source' && { source: key }),
    ...(group === 'severity' && { severity: SEVERITIES.find((known) => known === key) }),
  })
}

const Keys = () => (
  <span className="flex items-center gap-1.5 max-lg:hidden">
    <Kbd>J</Kbd>
    <Kbd>K</Kbd> move <Kbd>E</Kbd> acknowledge <Kbd>R</Kbd> resolve <Kbd>X</Kbd> select
  </span>
)

const NoMatch = ({ onClear }: { onClear: () => void }) => (
  <StateView icon={ListFilter} title="No alert matches" actions={<Button onClick={onClear}>Clear filters</Button>}>
    A filter is on. There may be alerts without it.
  </StateView>
)

const NONE = { open: 'No open alerts', acknowledged: 'Nothing is acknowledged', resolved: 'Nothing was resolved yet' }

const NoAlerts = ({ status = 'open' }: AlertSearch) => (
  <StateView icon={BellOff} title={NONE[status]}>
    {status === 'open'
      ? 'What devices report is held against the alert rules; what breaks one shows up here by itself.'
      : 'Alerts come here as they are handled.'}
  </StateView>
)
