import type { ReactNode } from 'react'
import { Severity } from '../../ui/severity.tsx'
import { Status } from '../../ui/status.tsx'
import { number } from '../../ui/time.ts'
import { SEVERITIES } from '../alerts/alert-search.ts'
import type { Counts } from '../alerts/alerts.ts'
import { type Health, patchedPercent, sum } from './overview.ts'

/** What is known of all that is shown below. */
export function Figures({ whole }: { whole: Health }) {
  const { devices, alerts, patches, health } = whole
  const percent = patches && patchedPercent(patches)
  const all = devices.online + devices.offline + devices.pending
  return (
    <dl className="grid grid-cols-2 border-b border-line lg:grid-cols-4 lg:divide-x lg:divide-line">
      <Figure name="Devices" value={number(all)} about={<StatusCounts devices={devices} />} />
      <Figure
        name="Alerts, open and acknowledged"
        value={alerts ? number(sum(alerts)) : 'not shown'}
        about={alerts ? <SeverityCounts counts={alerts} /> : 'It takes the Alerts read permission.'}
      />
      <Figure
        name="Patched"
        value={percent === null ? 'unknown' : `${percent} %`}
        about={
          patches ? (
            <>
              {number(patches.up_to_date)} of {number(sum(patches))} devices
              {patches.unknown > 0 && `, ${number(patches.unknown)} unknown`}
            </>
          ) : (
            'It takes the Patches read permission.'
          )
        }
      />
      <Figure
        name="Health"
        value={health === null ? 'unknown' : `${health} of 100`}
        about="Offline devices are left out"
      />
    </dl>
  )
}

const Figure = ({ name, value, about }: { name: string; value: string; about: ReactNode }) => (
  <div className="flex min-w-0 flex-col gap-1 px-4 py-3 sm:px-6">
    <dt className="text-12 text-text-2">{name}</dt>
    <dd className="flex flex-wrap items-baseline justify-between gap-x-3 gap-y-1">
      <span className="text-20 font-semi tabular-nums">{value}</span>
      <span className="text-12 text-text-2 tabular-nums">{about}</span>
    </dd>
  </div>
)

export function StatusCounts({ devices }: { devices: Health['devices'] }) {
  const shown = (['online', 'offline', 'pending'] as const).filter((status) => devices[status] > 0)
  if (shown.length === 0) return <span className="text-text-3">no devices</span>
  return (
    <span className="inline-flex flex-wrap gap-x-3">
      {shown.map((status) => (
        <Status key={status} status={status}>
          <span className="tabular-nums">
            {number(devices[status])}
            <span className="sr-only"> {status}</span>
          </span>
        </Status>
      ))}
    </span>
  )
}

export function SeverityCounts({ counts }: { counts: Partial<Counts> }) {
  const shown = SEVERITIES.filter((severity) => (counts[severity] ?? 0) > 0)
  if (shown.length === 0) return <span className="text-text-3">none</span>
  return (
    <span className="inline-flex flex-wrap gap-x-3">
      {shown.map((severity) => (
        <Severity key={severity} level={severity}>
          <span className="tabular-nums">{number(counts[severity] ?? 0)}</span>
        </Severity>
      ))}
    </span>
  )
}
