import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { ApiError } from '../../app/api.ts'
import { Drawer } from '../../ui/drawer.tsx'
import { Facts } from '../../ui/facts.tsx'
import { FailedState, StateView } from '../../ui/state-view.tsx'
import { Status } from '../../ui/status.tsx'
import { lasting } from '../../ui/time.ts'
import { When } from '../../ui/when.tsx'
import { Conditions } from './conditions.tsx'
import { type DeviceDetails, deviceDetails, roleIcon } from './devices.ts'
import { DeviceSection } from './device-section.tsx'
import { MonitorX } from 'lucide-react'

const route = getRouteApi('/console/devices/$deviceId')

export function DeviceDrawer() {
  const { deviceId } = route.useParams()
  const navigate = route.useNavigate()
  const found = useQuery(deviceDetails(deviceId))
  const close = () => void navigate({ to: '/devices', search: true })
  const device = found.data
  const Icon = roleIcon(device?.role ?? '')
  return (
    <Drawer
      label={device?.name ?? 'Device'}
      onClose={close}
      title={
        <span className="flex items-center gap-3">
          <Icon className="size-4 shrink-0 text-text-2" strokeWidth={1.6} aria-hidden="true" />
          <h2 className="truncate text-14 font-semi">{device?.name ?? 'Device'}</h2>
          {device && <Status status={device.status} />}
        </span>
      }
    >
      {device && <Details device={device} />}
      {!device && isNotFound(found.error) && (
        <StateView icon={MonitorX} title="There is no such device">
          It was removed, or it is of an organization that you do not reach.
        </StateView>
      )}
      {!device && found.error && !isNotFound(found.error) && (
        <FailedState what="The device" error={found.error} onRetry={() => void found.refetch()} />
      )}
    </Drawer>
  )
}

const isNotFound = (error: unknown) => error instanceof ApiError && error.status === 404

function Details({ device }: { device: DeviceDetails }) {
  return (
    <>
      <section className="flex flex-col gap-3 border-b border-line px-5 py-4">
        <Conditions of={device} />
        <Facts
          facts={[
            ['Organization', `${device.organization.name} · ${device.site.name}`],
            ['System', device.os ?? 'unknown'],
            ['Role', device.role.replaceAll('_', ' ')],
            ['Last seen', <When key="seen" at={device.last_seen_at} />],
            ['Up', device.uptime_seconds === null ? 'unknown' : lasting(device.uptime_seconds)],
            ['Processor', percent(device.cpu_percent)],
            ['Memory', percent(device.memory_percent)],
            ['Agent', `${device.agent_version}${device.simulated ? ', simulated' : ''}`],
            ['Enrolled', <When key="enrolled" at={device.enrolled_at} />],
          ]}
        />
      </section>
      {device.sections.map((section) => (
        <DeviceSection key={section.name} device={device.name} section={section} />
      ))}
      <Commands of={device} />
    </>
  )
}

const percent = (value: number | null) => (value === null ? 'unknown' : `${Math.round(value)} %`)

function Commands({ of: { recent_commands: commands = [] } }: { of: DeviceDetails }) {
  return (
    <section className="px-5 py-4">
      <h3 className="mb-2 font-semi">Commands</h3>
      {commands.length === 0 && <p className="text-text-3">None yet.</p>}
      <ul className="flex flex-col gap-1">
        {commands.map((command) => (
          <li key={command.id} className="flex items-baseline gap-3">
            <code>{command.type}</code>
            <span className="grow text-text-2">{command.state}</span>
            <When at={command.issued_at} />
          </li>
        ))}
      </ul>
    </section>
  )
}
