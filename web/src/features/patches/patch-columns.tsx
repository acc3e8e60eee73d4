import { Link } from '@tanstack/react-router'
import type { Column } from '../../ui/data-table.tsx'
import { Outcome } from '../../ui/outcome.tsx'
import { ProgressBar } from '../../ui/progress-bar.tsx'
import { Severity, type SeverityLevel } from '../../ui/severity.tsx'
import { Tag } from '../../ui/tag.tsx'
import { number } from '../../ui/time.ts'
import { When } from '../../ui/when.tsx'
import { type LackingUpdate, partsOf, type PatchDevice, type PatchGroup } from './patches.ts'

export const DEVICE_COLUMNS: readonly Column<PatchDevice>[] = [
  {
    id: 'device',
    head: 'Device',
    cell: ({ id, name, organization, site }) => (
      <span className="flex min-w-0 flex-col">
        <Link to="/devices/$deviceId" params={{ deviceId: id }} className="truncate rounded-1 font-medium text-text">
          {name}
        </Link>
        <span className="truncate text-12 text-text-3">
          {organization} · {site}
        </span>
      </span>
    ),
  },
  { id: 'state', head: 'State', width: '140px', cell: ({ state }) => <Outcome state={state} /> },
  {
    id: 'missing',
    head: 'Missing',
    width: '72px',
    align: 'right',
    phone: false,
    cell: ({ missing }) => <span className="tabular-nums">{missing === null ? '' : number(missing)}</span>,
  },
  {
    id: 'why',
    head: 'What is missing, and why',
    width: '48%',
    phone: false,
    cell: (device) => <Why device={device} />,
  },
]

/** The reason that weighs most: what failed lately in its own words, else what is missing. */
function Why({ device }: { device: PatchDevice }) {
  const { failures, failed_deployment: deployment, updates, missing, reason, reboot_pending_since: reboot } = device
  const [failure] = failures ?? []
  const more = (missing ?? 0) - updates.length
  const lacks = updates.length > 0 ? `${updates.join(', ')}${more > 0 ? ` and ${more} more` : ''}` : reason
  const said = failure ? `${failure.update}: ${failure.reason ?? 'no reason told'}` : deployment?.reason
  return (
    <span className="flex min-w-0 flex-col">
      <span className="flex min-w-0 items-center gap-2">
        <span className="truncate text-text-2" title={lacks}>
          {lacks}
        </span>
        {reboot !== undefined && <Tag tone="warn">restart pending</Tag>}
      </span>
      {said !== undefined && (
        <span className="flex min-w-0 gap-2 text-12">
          <span
            className="truncate border-l-3 border-line-control pl-2 text-text-2 [border-left-style:double]"
            title={said}
          >
            {said}
          </span>
          {deployment && (
            <Link to="/rollouts/$operationId" params={{ operationId: deployment.operation }} className="link rounded-1">
              rollout
            </Link>
          )}
        </span>
      )}
    </span>
  )
}

const LEVELS: readonly SeverityLevel[] = ['critical', 'high', 'medium', 'low', 'info']

export const UPDATE_COLUMNS: readonly Column<LackingUpdate>[] = [
  {
    id: 'update',
    head: 'Update',
    cell: ({ name, article }) => (
      <span title={name}>
        <b className="font-medium">{article ?? name}</b>
        {article !== null && <span className="text-text-3"> {name}</span>}
      </span>
    ),
  },
  {
    id: 'kind',
    head: 'Kind',
    width: '160px',
    phone: false,
    cell: ({ security, severity }) => {
      const level = LEVELS.find((known) => known === severity)
      return (
        <span className="flex items-center gap-2">
          {level && <Severity level={level} />}
          {security && <Tag>security</Tag>}
          {!level && !security && <span className="text-text-3">not rated</span>}
        </span>
      )
    },
  },
  {
    id: 'devices',
    head: 'Devices',
    width: '80px',
    align: 'right',
    cell: ({ devices }) => <span className="tabular-nums">{number(devices)}</span>,
  },
  {
    id: 'released',
    head: 'Released',
    width: '112px',
    narrow: false,
    cell: ({ released_on: at }) => <When at={at} never="Not told" />,
  },
  {
    id: 'seen',
    head: 'First missing',
    width: '112px',
    phone: false,
    cell: ({ first_seen_at: at }) => <When at={at} />,
  },
]

const figure = (value: number, bad = false) => (
  <span className={bad && value > 0 ? 'text-crit tabular-nums' : 'tabular-nums'}>{number(value)}</span>
)

export const GROUP_COLUMNS: readonly Column<PatchGroup>[] = [
  { id: 'name', head: 'Name', cell: ({ name }) => <b className="font-medium">{name}</b> },
  {
    id: 'percent',
    head: 'Fully patched',
    width: '104px',
    align: 'right',
    cell: ({ patched_percent: percent }) => (
      <span className="tabular-nums">{percent === null ? 'No devices' : `${percent} %`}</span>
    ),
  },
  { id: 'bar', head: 'Devices', width: '26%', phone: false, cell: (group) => <ProgressBar parts={partsOf(group)} /> },
  { id: 'devices', head: 'All', width: '72px', align: 'right', phone: false, cell: (group) => figure(group.devices) },
  { id: 'lack', head: 'Lack', width: '72px', align: 'right', narrow: false, cell: (group) => figure(group.missing) },
  {
    id: 'failed',
    head: 'Failed',
    width: '72px',
    align: 'right',
    phone: false,
    cell: (group) => figure(group.failed, true),
  },
  {
    id: 'unknown',
    head: 'Unknown',
    width: '88px',
    align: 'right',
    narrow: false,
    cell: (group) => figure(group.unknown),
  },
]
