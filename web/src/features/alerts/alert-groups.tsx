import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { Severity } from '../../ui/severity.tsx'
import { number } from '../../ui/time.ts'
import { type AlertSearch, type Grouping, SEVERITIES } from './alert-search.ts'
import { alertGroups, type Group } from './alerts.ts'

interface GroupsProps {
  search: AlertSearch
  by: Grouping
  organization: string | undefined
  empty: ReactNode
  onOpen: (group: Group) => void
}

const HEADS: Readonly<Record<Grouping, string>> = {
  device: 'Device',
  source: 'Source',
  severity: 'Severity',
  organization: 'Organization',
}

/** The worst group first; each leads to its alerts. */
export function AlertGroups({ search, by, organization, empty, onOpen }: GroupsProps) {
  const found = useQuery(alertGroups(search, organization, by))
  return (
    <DataTable
      caption={`Alerts by ${by}`}
      columns={columns(by, onOpen)}
      rows={found.data?.groups ?? (found.data ? [] : undefined)}
      rowKey={({ key, name }) => key ?? name}
      error={found.error}
      onRetry={() => void found.refetch()}
      empty={empty}
      onOpen={onOpen}
    />
  )
}

const columns = (by: Grouping, onOpen: (group: Group) => void): readonly Column<Group>[] => [
  {
    id: 'name',
    head: HEADS[by],
    cell: (group) =>
      group.key === null ? (
        <span className="text-text-3">{group.name}</span>
      ) : (
        <button
          type="button"
          onClick={() => onOpen(group)}
          className="max-w-full truncate rounded-1 text-left font-medium first-letter:uppercase"
        >
          {group.name.replaceAll('_', ' ')}
        </button>
      ),
  },
  ...(by === 'device'
    ? ([
        {
          id: 'organization',
          head: 'Organization',
          width: '18%',
          phone: false,
          cell: ({ organization }) => <span className="text-text-2">{organization}</span>,
        },
        { id: 'first', head: 'Worst', width: '26%', narrow: false, cell: ({ first }) => <span>{first}</span> },
      ] satisfies Column<Group>[])
    : []),
  {
    id: 'counts',
    head: 'Alerts by severity',
    width: '34%',
    cell: ({ counts }) => (
      <span className="flex flex-wrap gap-3">
        {SEVERITIES.filter((severity) => counts[severity] !== undefined).map((severity) => (
          <Severity key={severity} level={severity}>
            <span className="tabular-nums">{number(counts[severity] ?? 0)}</span>
          </Severity>
        ))}
      </span>
    ),
  },
  {
    id: 'total',
    head: 'Total',
    width: '72px',
    align: 'right',
    phone: false,
    cell: ({ total }) => <span className="tabular-nums">{number(total)}</span>,
  },
]
