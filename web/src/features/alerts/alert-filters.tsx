import { useQuery } from '@tanstack/react-query'
import { X } from 'lucide-react'
import { cx } from '../../ui/cx.ts'
import { PatientSearchField } from '../../ui/search-field.tsx'
import { Segmented } from '../../ui/segmented.tsx'
import { Severity } from '../../ui/severity.tsx'
import { INPUT } from '../../ui/text-field.tsx'
import { number } from '../../ui/time.ts'
import { type AlertSearch, GROUPINGS, type Grouping, type SearchChange, SEVERITIES, STATUSES } from './alert-search.ts'
import { alertNumbers } from './alerts.ts'

interface FiltersProps {
  search: AlertSearch
  organization: string | undefined
  /** The name behind the id of a device in the address. */
  deviceName: string | undefined
  onChange: (change: SearchChange) => void
}

const STATUS_WORDS = { open: 'Open', acknowledged: 'Acknowledged', resolved: 'Resolved' }
const GROUP_WORDS: Readonly<Record<Grouping, string>> = {
  device: 'By device',
  source: 'By source',
  severity: 'By severity',
  organization: 'By organization',
}

export function AlertFilters({ search, organization, deviceName, onChange }: FiltersProps) {
  const { data } = useQuery(alertNumbers(search, organization))
  const total = data && `${data.total_is_lower_bound ? 'over ' : ''}${number(data.total)}`
  return (
    <>
      <Segmented
        label="Status"
        value={search.status ?? 'open'}
        options={STATUSES.map((value) => ({ value, label: STATUS_WORDS[value] }))}
        onChange={(value) => onChange({ status: value === 'open' ? undefined : value })}
      />
      <Segmented
        label="Severity"
        value={search.severity ?? 'all'}
        options={[
          { value: 'all', label: `All${total === undefined ? '' : ` ${total}`}` },
          ...SEVERITIES.map((value) => ({
            value,
            label: (
              <Severity level={value}>
                <span className="font-regular text-text-2 tabular-nums">{data && number(data.counts[value])}</span>
              </Severity>
            ),
          })),
        ]}
        onChange={(value) => onChange({ severity: value === 'all' ? undefined : value })}
      />
      <div className="flex gap-2 max-sm:w-full">
        <PatientSearchField
          label="Find alerts"
          placeholder="Title or device"
          value={search.text ?? ''}
          onChange={(text) => onChange({ text })}
        />
        <label className="contents">
          <span className="sr-only">Group</span>
          <select
            value={search.group ?? ''}
            onChange={({ target }) => onChange({ group: GROUPINGS.find((known) => known === target.value) })}
            className={cx(INPUT, 'h-7 w-auto! shrink-0 border-line-control px-2')}
          >
            <option value="">Not grouped</option>
            {GROUPINGS.map((value) => (
              <option key={value} value={value}>
                {GROUP_WORDS[value]}
              </option>
            ))}
          </select>
        </label>
      </div>
      {search.device !== undefined && (
        <Chip name="Device" value={deviceName ?? 'one'} onRemove={() => onChange({ device: undefined })} />
      )}
      {search.source !== undefined && (
        <Chip
          name="Source"
          value={search.source.replaceAll('_', ' ')}
          onRemove={() => onChange({ source: undefined })}
        />
      )}
    </>
  )
}

const Chip = ({ name, value, onRemove }: { name: string; value: string; onRemove: () => void }) => (
  <span className="inline-flex h-7 items-center rounded-2 border border-line-strong pl-2.5 max-sm:h-11">
    <span className="text-text-3">{name}</span>&nbsp;<span className="font-medium">{value}</span>
    <button
      type="button"
      aria-label={`Remove the filter ${name} ${value}`}
      onClick={onRemove}
      className="ml-1 grid h-full w-7 place-items-center rounded-r-2 text-text-2 hover:bg-hover max-sm:w-11"
    >
      <X className="size-3.5" strokeWidth={1.6} aria-hidden="true" />
    </button>
  </span>
)
