import { useId } from 'react'
import { useSession } from '../../app/session.ts'
import { Checkbox } from '../../ui/checkbox.tsx'
import { Note } from '../../ui/note.tsx'
import {
  ADMIN_SCOPE,
  AREAS,
  areaName,
  isWide,
  LEVEL_WORDS,
  LEVELS,
  WIDE,
  type Area,
  type Level,
} from './scope-words.ts'

interface ScopeChoiceProps {
  chosen: readonly string[]
  onChange: (chosen: string[]) => void
  error?: string | undefined
}

/** The wide scopes to tick; single areas below, for a key that needs only one thing. */
export function ScopeChoice({ chosen, onChange, error }: ScopeChoiceProps) {
  const session = useSession()
  const held = new Set(chosen)
  const wide = session.admin ? [...WIDE, ADMIN_SCOPE] : WIDE
  const set = (scope: string, on: boolean) =>
    onChange(on ? [...chosen, scope] : chosen.filter((other) => other !== scope))
  const areas = chosen.filter((scope) => scope.includes('.')).length
  return (
    <fieldset className="flex flex-col gap-1.5">
      <legend className="mb-1.5 font-medium">Scopes</legend>
      {wide.map(({ scope, words }) => (
        <Checkbox
          key={scope}
          label={
            <>
              <code className="mr-1">{scope}</code> <span className="text-text-2">{words}</span>
            </>
          }
          checked={held.has(scope)}
          onChange={(event) => set(scope, event.target.checked)}
        />
      ))}
      {(held.has('ai:execute') || held.has(ADMIN_SCOPE.scope)) && (
        <Note tone="high-impact" title="High impact.">
          Each such call over MCP also needs its tool in <code>MCP_EXECUTE_TOOL_ALLOWLIST</code>, and may ask for a
          confirmation.
        </Note>
      )}
      <details open={areas > 0}>
        <summary className="py-1 text-text-2">Single areas{areas > 0 && ` (${areas})`}</summary>
        <div className="mt-1 grid gap-x-6 gap-y-1 sm:grid-cols-2">
          {AREAS.map((area) => (
            <AreaLevel key={area} area={area} chosen={chosen} onChange={onChange} />
          ))}
        </div>
      </details>
      {error !== undefined && (
        <p role="alert" className="text-12 text-crit">
          {error}
        </p>
      )}
    </fieldset>
  )
}

function AreaLevel({ area, chosen, onChange }: { area: Area } & Pick<ScopeChoiceProps, 'chosen' | 'onChange'>) {
  const id = useId()
  const level = LEVELS.findLast((one) => chosen.includes(`${area}.${one}`))
  const choose = (next: Level | '') => {
    const others = chosen.filter((scope) => !scope.startsWith(`${area}.`))
    onChange(next === '' ? others : [...others, `${area}.${next}`])
  }
  return (
    <div className="flex items-center justify-between gap-2">
      <label htmlFor={id} className={isWide(area) ? '' : 'font-medium'}>
        {areaName(area)}
      </label>
      <select
        id={id}
        value={level ?? ''}
        onChange={(event) => choose(LEVELS.find((one) => one === event.target.value) ?? '')}
        className="h-7 rounded-2 border border-line-control bg-surface px-1.5 max-sm:h-11 max-sm:text-16"
      >
        <option value="">As above</option>
        {LEVELS.map((one) => (
          <option key={one} value={one}>
            {LEVEL_WORDS[one]}
          </option>
        ))}
      </select>
    </div>
  )
}
