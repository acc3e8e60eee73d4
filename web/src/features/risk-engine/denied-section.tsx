import { ShieldCheck } from 'lucide-react'
import { useState } from 'react'
import { ListCount } from '../../app/layout/list-foot.tsx'
import { Foot } from '../../app/layout/page.tsx'
import { ToolTable } from '../../app/layout/tool-table.tsx'
import { useToolList } from '../../app/tool-queries.ts'
import type { Column } from '../../ui/data-table.tsx'
import { CopyButton } from '../../ui/copy-button.tsx'
import { StateView } from '../../ui/state-view.tsx'
import { When } from '../../ui/when.tsx'
import { type AuditEntry, type AuditPage, denials } from './risk-engine.ts'

const DAY_MS = 86_400_000

/** What the gates and limits refused in the last day, as the audit has it. */
export function DeniedSection() {
  const [since] = useState(() => new Date(Date.now() - DAY_MS).toISOString())
  const list = useToolList(denials(since), (page: AuditPage) => page.entries)
  return (
    <>
      <div className="flex min-h-0 grow flex-col">
        <ToolTable
          caption="Denied and throttled calls"
          columns={COLUMNS}
          list={list}
          rowKey={({ id }) => id}
          height="two"
          empty={
            <StateView icon={ShieldCheck} title="Nothing was refused in the last 24 hours">
              Calls that a gate or a limit refuses are listed here, with the entry of the audit.
            </StateView>
          }
        />
      </div>
      <Foot>
        <ListCount list={list} one="refusal" many="refusals" />
        <span className="grow" />
        <span className="max-sm:hidden">Last 24 hours, of everybody whose audit you may read</span>
      </Foot>
    </>
  )
}

const COLUMNS: readonly Column<AuditEntry>[] = [
  {
    id: 'what',
    head: 'What',
    cell: ({ tool, action, kind, reason, code }) => (
      <span className="flex min-w-0 flex-col">
        <span className="truncate">
          {tool === null ? (
            <b className="font-medium">{kind === 'throttle' ? 'Throttled' : kind}</b>
          ) : (
            <code>{tool}</code>
          )}
          {action !== null && ` ${action}`}
        </span>
        <span className="truncate text-12 text-text-3 max-sm:whitespace-normal" title={reason ?? undefined}>
          {reason ?? code}
        </span>
      </span>
    ),
  },
  {
    id: 'gate',
    head: 'Refused by',
    width: '160px',
    narrow: false,
    cell: ({ code }) => <span className="text-crit">{code?.replaceAll('_', ' ')}</span>,
  },
  {
    id: 'who',
    head: 'Who',
    width: '24%',
    phone: false,
    cell: ({ actor, client, credential }) => (
      <span className="flex min-w-0 flex-col">
        <span className="truncate">{actor ?? 'the server'}</span>
        <span className="truncate text-12 text-text-3">{client ?? credential}</span>
      </span>
    ),
  },
  { id: 'at', head: 'When', width: '88px', phone: false, cell: ({ at }) => <When at={at} /> },
  {
    id: 'entry',
    head: 'Entry',
    width: '96px',
    align: 'right',
    cell: ({ id }) => <CopyButton text={id} what={`the id of entry ${id}`} />,
  },
]
