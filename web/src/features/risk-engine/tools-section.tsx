import { ListFilter } from 'lucide-react'
import { useState } from 'react'
import { Button } from '../../ui/button.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { SearchField } from '../../ui/search-field.tsx'
import { Segmented } from '../../ui/segmented.tsx'
import { StateView } from '../../ui/state-view.tsx'
import { Tier, TierGlyph, type TierNumber } from '../../ui/tier.tsx'
import type { JudgedAction, JudgedTool, RiskEngine } from './risk-engine.ts'
import { ToolDrawer } from './tool-drawer.tsx'
import { VerdictMark } from './verdict.tsx'
import { verdictWords } from './words.ts'

/** The actions of a tool that are of one tier and have one answer. */
export interface ToolRow {
  key: string
  tool: JudgedTool
  tier: TierNumber
  first: JudgedAction
  names: string[]
}

type Shown = 'all' | '1' | '2' | '3' | '4' | 'refused'

interface ToolsSectionProps {
  engine: RiskEngine | undefined
  error: unknown
  onRetry: () => void
  onRule: (tool: JudgedTool) => void
  off: string | false
}

export function ToolsSection({ engine, error, onRetry, onRule, off }: ToolsSectionProps) {
  const [shown, setShown] = useState<Shown>('all')
  const [text, setText] = useState('')
  const [openKey, setOpenKey] = useState<string | null>(null)
  const all = engine && rowsOf(engine.tools)
  const rows = all?.filter((row) => isShown(row, shown) && has(row, text))
  const open = all?.find(({ key }) => key === openKey)
  const count = (of: Shown) => all?.filter((row) => isShown(row, of)).length
  const clear = () => {
    setShown('all')
    setText('')
  }
  return (
    <>
      <div className="flex flex-wrap items-center gap-2 border-b border-line px-4 py-1.5 sm:pl-6">
        <div className="max-w-full overflow-x-auto">
          <Segmented
            label="Tier"
            value={shown}
            options={[
              { value: 'all', label: 'All', count: count('all') },
              ...TIERS.map((tier) => ({
                value: tier,
                label: <TierGlyph tier={numberOf(tier)} label />,
                count: count(tier),
              })),
              { value: 'refused', label: 'Refused', count: count('refused') },
            ]}
            onChange={setShown}
          />
        </div>
        <SearchField label="Find tools" placeholder="Tool, action, area" value={text} onChange={setText} />
      </div>
      <DataTable
        caption="Tools"
        columns={COLUMNS(setOpenKey)}
        rows={rows}
        rowKey={({ key }) => key}
        height="two"
        error={error}
        onRetry={onRetry}
        current={openKey ?? undefined}
        onOpen={({ key }) => setOpenKey(key)}
        empty={
          <StateView
            icon={ListFilter}
            title="No tool matches"
            actions={<Button onClick={clear}>Clear filters</Button>}
          />
        }
      />
      {open && (
        <ToolDrawer tool={open.tool} off={off} onRule={() => onRule(open.tool)} onClose={() => setOpenKey(null)} />
      )}
    </>
  )
}

const TIERS = ['1', '2', '3', '4'] as const
const numberOf = (tier: (typeof TIERS)[number]): TierNumber => ({ '1': 1, '2': 2, '3': 3, '4': 4 })[tier] as TierNumber

const isShown = (row: ToolRow, shown: Shown): boolean =>
  shown === 'all' || (shown === 'refused' ? !row.first.allowed && row.tier < 4 : String(row.tier) === shown)

function has({ tool, names }: ToolRow, text: string): boolean {
  const wanted = text.trim().toLowerCase()
  return [tool.name, tool.title, tool.area, ...names].some((word) => word.toLowerCase().includes(wanted))
}

/** By tier, and within one in the order of the catalogue. */
function rowsOf(tools: readonly JudgedTool[]): ToolRow[] {
  const rows = new Map<string, ToolRow>()
  for (const tool of tools) {
    for (const action of tool.actions) {
      const { name, tier, refusal } = action
      const key = `${tool.name} ${tier} ${refusal?.code ?? verdictWords(action)}`
      const row = rows.get(key) ?? { key, tool, tier, first: action, names: [] }
      if (name !== null) row.names.push(name)
      rows.set(key, row)
    }
  }
  return [...rows.values()].sort((a, b) => a.tier - b.tier)
}

const COLUMNS = (onOpen: (key: string) => void): readonly Column<ToolRow>[] => [
  {
    id: 'tool',
    head: 'Tool',
    cell: ({ key, tool, names }) => (
      <span className="flex min-w-0 flex-col items-start">
        <button type="button" className="max-w-full truncate rounded-1 font-medium" onClick={() => onOpen(key)}>
          <code>{tool.name}</code>
        </button>
        <span className="max-w-full truncate text-12 text-text-3" title={names.join(', ')}>
          {names.length > 0 ? names.join(', ') : tool.title}
        </span>
      </span>
    ),
  },
  { id: 'tier', head: 'Tier', width: '120px', phone: false, cell: ({ tier }) => <Tier tier={tier} /> },
  { id: 'area', head: 'Area', width: '124px', narrow: false, cell: ({ tool }) => tool.area },
  {
    id: 'now',
    head: 'Now',
    width: '148px',
    cell: ({ first }) => <VerdictMark action={first} />,
  },
  {
    id: 'why',
    head: 'Why not, and the remedy',
    width: '34%',
    narrow: false,
    cell: ({ first: { refusal } }) =>
      refusal && (
        <span className="flex min-w-0 flex-col text-text-2" title={`${refusal.reason} ${refusal.remedy}`}>
          <span className="truncate">{refusal.reason}</span>
          <span className="truncate text-12 text-text-3">{refusal.remedy}</span>
        </span>
      ),
  },
]
