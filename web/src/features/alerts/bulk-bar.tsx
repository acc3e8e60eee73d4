import { Button } from '../../ui/button.tsx'
import { Severity } from '../../ui/severity.tsx'
import type { AlertAct } from './alert-acts.tsx'
import { SEVERITIES } from './alert-search.ts'
import type { Selection } from './selection.ts'

interface BulkBarProps {
  selection: Selection
  off: string | false
  onAct: (act: AlertAct) => void
}

/** What can be done with those that are chosen, and the worst among them. */
export function BulkBar({ selection: { chosen, clear }, off, onAct }: BulkBarProps) {
  if (chosen.length === 0) return null
  const worst = SEVERITIES.find((severity) => chosen.some((alert) => alert.severity === severity))
  return (
    <div
      role="toolbar"
      aria-label="Chosen alerts"
      className="absolute bottom-4 left-1/2 z-20 flex w-max max-w-[calc(100%-2rem)] -translate-x-1/2 flex-wrap items-center gap-2 rounded-3 border border-line-strong bg-raised py-2 pr-2 pl-3 shadow-2 max-sm:inset-x-4 max-sm:w-auto max-sm:translate-x-0"
    >
      <b className="font-semi tabular-nums">{chosen.length} selected</b>
      {worst && (
        <span className="flex items-center gap-1 text-text-2">
          worst: <Severity level={worst} />
        </span>
      )}
      <Button size="sm" variant="primary" tier={2} disabled={off} onClick={() => onAct('acknowledge')}>
        Acknowledge…
      </Button>
      <Button size="sm" tier={2} disabled={off} onClick={() => onAct('resolve')}>
        Resolve…
      </Button>
      <Button size="sm" variant="ghost" onClick={clear}>
        Clear
      </Button>
    </div>
  )
}
