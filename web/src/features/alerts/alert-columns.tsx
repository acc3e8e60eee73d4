import { Link } from '@tanstack/react-router'
import type { Column } from '../../ui/data-table.tsx'
import { Severity } from '../../ui/severity.tsx'
import { When } from '../../ui/when.tsx'
import { type Alert, measured, placeOf, STATE_WORDS } from './alerts.ts'
import type { Selection } from './selection.ts'

export const alertColumns = (selection: Selection, withOrganization: boolean): readonly Column<Alert>[] => [
  {
    id: 'alert',
    head: (
      <span className="flex items-center gap-3">
        <input
          type="checkbox"
          className="choice choice-box"
          aria-label="Select all that are shown"
          checked={selection.all}
          ref={(box) => {
            if (box) box.indeterminate = !selection.all && selection.chosen.length > 0
          }}
          onChange={selection.toggleAll}
        />
        Alert
      </span>
    ),
    cell: (alert) => <Name alert={alert} selection={selection} />,
  },
  {
    id: 'device',
    head: 'Device',
    width: '20%',
    phone: false,
    cell: (alert) => (
      <span title={placeOf(alert)} className={alert.device ? '' : 'text-text-3'}>
        {placeOf(alert)}
      </span>
    ),
  },
  ...(withOrganization
    ? ([
        {
          id: 'organization',
          head: 'Organization',
          width: '15%',
          narrow: false,
          cell: ({ organization }) => (
            <span className="text-text-2" title={organization.name}>
              {organization.name}
            </span>
          ),
        },
      ] satisfies Column<Alert>[])
    : []),
  {
    id: 'value',
    head: 'Value',
    width: '13%',
    narrow: false,
    cell: (alert) => <span className="text-text-2 tabular-nums">{measured(alert)}</span>,
  },
  { id: 'state', head: 'State', width: '15%', narrow: false, cell: (alert) => <Marks alert={alert} /> },
  { id: 'opened', head: 'Opened', width: '96px', phone: false, cell: ({ opened_at: at }) => <When at={at} /> },
]

function Name({ alert, selection }: { alert: Alert; selection: Selection }) {
  return (
    <span className="flex items-center gap-3">
      <input
        type="checkbox"
        className="choice choice-box"
        aria-label={`Select ${alert.title}, ${placeOf(alert)}`}
        checked={selection.has(alert)}
        onChange={() => selection.toggle(alert)}
      />
      <Severity level={alert.severity}>{''}</Severity>
      <span className="min-w-0 grow">
        <Link
          to="/alerts/$alertId"
          params={{ alertId: alert.id }}
          search={true}
          title={alert.title}
          className="block truncate rounded-1 font-medium text-text"
        >
          {alert.title}
        </Link>
        <span className="hidden truncate text-12 text-text-3 max-sm:block">
          {placeOf(alert)} · {alert.organization.name} · <When at={alert.opened_at} />
        </span>
      </span>
    </span>
  )
}

/** Only what says something: most alerts simply hold. */
function Marks({ alert }: { alert: Alert }) {
  const marks = [
    alert.status === 'acknowledged' && (alert.acknowledged_by ? `seen by ${alert.acknowledged_by}` : 'acknowledged'),
    alert.state !== undefined && (STATE_WORDS[alert.state] ?? alert.state),
    alert.suppressed === 'maintenance' && 'in maintenance',
    alert.escalation !== undefined && 'escalated',
    alert.stands_for !== undefined && `stands for ${alert.stands_for} more`,
    alert.occurrences > 1 && `${alert.occurrences} times`,
  ].filter((mark) => mark !== false)
  const said = marks.join(', ')
  return (
    <span className="text-text-2" title={said}>
      {said}
    </span>
  )
}
