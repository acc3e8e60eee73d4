import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useEffect, useId, useState } from 'react'
import { api } from '../../app/api.ts'
import { useChosenOrganization } from '../../app/organization.ts'
import { can } from '../../app/permissions.ts'
import { refusalText } from '../../app/refusal-text.ts'
import { useSession } from '../../app/session.ts'
import { Checkbox } from '../../ui/checkbox.tsx'
import { PatientSearchField } from '../../ui/search-field.tsx'
import { Segmented } from '../../ui/segmented.tsx'
import { Status } from '../../ui/status.tsx'
import { CompactSelect } from '../../ui/text-field.tsx'
import { number } from '../../ui/time.ts'
import type { DeviceList } from '../devices/devices.ts'
import type { Narrowing, Picked, PickedDevice } from './selection.ts'

const SHOWN = 50

interface DevicePickerProps {
  picked: Picked
  onPick: (picked: Picked) => void
}

/** Devices by name, or all that match now. Either way the plan names them before anything happens. */
export function DevicePicker({ picked, onPick }: DevicePickerProps) {
  const organization = useChosenOrganization(useSession())
  const [filter, setFilter] = useState<Narrowing>(organization ? { organization: organization.id } : {})
  const found = useQuery(matching(filter))
  const { data } = found
  const total = data?.total
  const byFilter = picked.by === 'filter'
  useEffect(() => {
    if (byFilter) onPick({ by: 'filter', filter, ...(total !== undefined && { total }) })
    // Only what is counted changes what is picked: `onPick` is another one each time.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [byFilter, filter, total])
  const title = useId()
  return (
    <section aria-labelledby={title} className="flex flex-col gap-2">
      <h3 id={title} className="font-medium">
        Devices
      </h3>
      <div className="flex flex-wrap gap-2">
        <PatientSearchField
          label="Find devices"
          placeholder="Name, system, site"
          value={filter.text ?? ''}
          onChange={(text) => setFilter(({ text: _before, ...rest }) => ({ ...rest, ...(text !== '' && { text }) }))}
        />
        <Places filter={filter} onChange={setFilter} />
      </div>
      <div>
        <Segmented
          label="Which"
          value={picked.by}
          options={[
            { value: 'name', label: 'By name' },
            { value: 'filter', label: 'All that match', count: total },
          ]}
          onChange={(by) =>
            onPick(by === 'name' ? { by, devices: [] } : { by, filter, ...(total !== undefined && { total }) })
          }
        />
      </div>
      {found.error && <p className="text-crit">{refusalText(found.error)}</p>}
      {data && <Matches list={data} picked={picked} onPick={onPick} />}
      {picked.by === 'name' && <Chosen devices={picked.devices} onPick={onPick} />}
    </section>
  )
}

const matching = (filter: Narrowing) => ({
  queryKey: ['device-pick', filter],
  queryFn: () => api.tool<DeviceList>('list_devices', { ...filter, limit: SHOWN }),
  placeholderData: keepPreviousData,
  staleTime: 10_000,
  retry: false,
})

interface PlacesProps {
  filter: Narrowing
  onChange: (filter: Narrowing) => void
}

function Places({ filter: { text, organization, site, group }, onChange }: PlacesProps) {
  const session = useSession()
  const sites = useQuery({
    queryKey: ['list_sites', 'pick', organization],
    queryFn: () => api.tool<{ sites: PickedDevice[] }>('list_sites', { organization, limit: 200 }),
    enabled: organization !== undefined,
    staleTime: 60_000,
  })
  const groups = useQuery({
    queryKey: ['list_groups', 'pick', organization],
    queryFn: () =>
      api.tool<{ groups: PickedDevice[] }>('list_groups', { ...(organization && { organization }), limit: 200 }),
    enabled: can(session, 'monitoring.read'),
    staleTime: 60_000,
  })
  const change = (changed: { [Key in keyof Narrowing]: string | undefined }) => {
    const set = Object.entries({ text, organization, site, group, ...changed }).filter(([, value]) => value)
    onChange(Object.fromEntries(set))
  }
  return (
    <>
      {session.organizations.length > 1 && (
        <CompactSelect
          label="Organization"
          value={organization ?? ''}
          options={[['', 'Any organization'], ...session.organizations.map(({ id, name }) => [id, name] as const)]}
          onChange={(value) => change({ organization: value, site: undefined, group: undefined })}
        />
      )}
      {organization !== undefined && (sites.data?.sites.length ?? 0) > 1 && (
        <CompactSelect
          label="Site"
          value={site ?? ''}
          options={[['', 'Any site'], ...(sites.data?.sites ?? []).map(({ id, name }) => [id, name] as const)]}
          onChange={(value) => change({ site: value })}
        />
      )}
      {(groups.data?.groups.length ?? 0) > 0 && (
        <CompactSelect
          label="Group"
          value={group ?? ''}
          options={[['', 'Any group'], ...(groups.data?.groups ?? []).map(({ id, name }) => [id, name] as const)]}
          onChange={(value) => change({ group: value })}
        />
      )}
    </>
  )
}

function Matches({ list, picked, onPick }: DevicePickerProps & { list: DeviceList }) {
  const more = list.total - list.devices.length
  if (list.devices.length === 0) return <p className="text-text-3">No device matches.</p>
  const has = (id: string) => picked.by === 'name' && picked.devices.some((device) => device.id === id)
  const toggle = ({ id, name }: PickedDevice) => {
    if (picked.by !== 'name') return
    const without = picked.devices.filter((device) => device.id !== id)
    onPick({ by: 'name', devices: without.length < picked.devices.length ? without : [...without, { id, name }] })
  }
  return (
    <ul
      aria-label="Devices that match"
      className="max-h-44 overflow-auto rounded-2 border border-line px-3 py-1.5"
      tabIndex={0}
    >
      {list.devices.map((device) => {
        const place = <Place device={device} />
        return (
          <li key={device.id} className="py-0.5">
            {picked.by === 'name' ? (
              <Checkbox label={device.name} checked={has(device.id)} onChange={() => toggle(device)} aside={place} />
            ) : (
              <span className="flex min-h-6 items-center gap-2.5">
                <span className="grow">{device.name}</span>
                {place}
              </span>
            )}
          </li>
        )
      })}
      {more > 0 && (
        <li className="py-0.5 text-text-3">
          and {list.total_is_lower_bound && 'more than '}
          {number(more)} more
          {picked.by === 'name' && ': narrow the search to choose among them'}
        </li>
      )}
    </ul>
  )
}

const Place = ({ device: { organization, site, status } }: { device: DeviceList['devices'][number] }) => (
  <span className="flex shrink-0 items-center gap-3 self-center text-12 text-text-3">
    <span className="max-sm:hidden">
      {organization.name} · {site.name}
    </span>
    <span className="w-18">
      <Status status={status} />
    </span>
  </span>
)

/** Those that the search no longer shows are chosen all the same. */
function Chosen({ devices, onPick }: { devices: readonly PickedDevice[]; onPick: (picked: Picked) => void }) {
  if (devices.length === 0) return <p className="text-12 text-text-3">None chosen yet.</p>
  return (
    <p className="text-12 text-text-2" role="status">
      <b className="font-semi">{number(devices.length)} chosen</b>: {devices.map(({ name }) => name).join(', ')}{' '}
      <button type="button" className="link rounded-1" onClick={() => onPick({ by: 'name', devices: [] })}>
        Clear
      </button>
    </p>
  )
}
