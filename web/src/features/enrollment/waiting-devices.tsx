import { useQuery } from '@tanstack/react-query'
import { ToolTable } from '../../app/layout/tool-table.tsx'
import { usableTools } from '../../app/permissions.ts'
import { useToolList } from '../../app/tool-queries.ts'
import { Button } from '../../ui/button.tsx'
import type { Column } from '../../ui/data-table.tsx'
import { When } from '../../ui/when.tsx'
import type { Device } from '../devices/devices.ts'
import { useJudgeDevice, waiting, type WaitingPage } from './enrollment.ts'

/** Shown only while something waits. */
export function WaitingDevices({ organization }: { organization: string | undefined }) {
  const filter = organization === undefined ? {} : { organization }
  const list = useToolList(waiting(filter), (page: WaitingPage) => page.devices)
  const { data: tools } = useQuery(usableTools)
  const judge = useJudgeDevice()
  const off =
    tools && !tools.has('manage_devices')
      ? 'You have view-only access. Ask an administrator for the Enrollment write permission.'
      : false
  if (list.error === null && (list.rows?.length ?? 0) === 0) return null
  return (
    <section aria-labelledby="waiting" className="shrink-0 border-b border-line-strong">
      <h2 id="waiting" className="px-4 pt-4 pb-1 font-semi sm:px-6">
        Waiting for approval <span className="font-regular text-text-3 tabular-nums">{list.total}</span>
      </h2>
      <p className="px-4 pb-2 text-text-2 sm:px-6">
        These devices report and get no commands. One that is rejected has to be enrolled again to come back.
      </p>
      <div className="max-h-72 overflow-auto">
        <ToolTable
          caption="Devices that wait for approval"
          columns={columns(off, judge.busy, (action, device) => judge.run({ action, devices: [device.id] }))}
          list={list}
          rowKey={(device) => device.id}
          empty={null}
        />
      </div>
    </section>
  )
}

const columns = (
  off: string | false,
  busy: boolean,
  onJudge: (action: 'approve' | 'reject', device: Device) => void,
): readonly Column<Device>[] => [
  { id: 'name', head: 'Device', cell: ({ name }) => <b className="truncate font-medium">{name}</b> },
  {
    id: 'place',
    head: 'Organization, site',
    width: '26%',
    phone: false,
    cell: ({ organization, site }) => (
      <>
        {organization.name} <span className="text-text-3">· {site.name}</span>
      </>
    ),
  },
  { id: 'os', head: 'System', width: '20%', phone: false, cell: ({ os }) => os ?? 'unknown' },
  { id: 'seen', head: 'Last seen', width: '96px', phone: false, cell: (device) => <When at={device.last_seen_at} /> },
  {
    id: 'acts',
    head: '',
    headLabel: 'Actions',
    width: '196px',
    align: 'right',
    cell: (device) => (
      <span className="inline-flex gap-2">
        <Button
          size="sm"
          disabled={off || busy}
          aria-label={`Approve ${device.name}`}
          onClick={() => onJudge('approve', device)}
        >
          Approve
        </Button>
        <Button
          size="sm"
          variant="danger-line"
          disabled={off || busy}
          tier={3}
          aria-label={`Reject ${device.name}`}
          onClick={() => onJudge('reject', device)}
        >
          Reject
        </Button>
      </span>
    ),
  },
]
