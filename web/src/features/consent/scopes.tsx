import { ChevronDown } from 'lucide-react'
import { useId, useState } from 'react'
import { cx } from '../../ui/cx.ts'
import { Note } from '../../ui/note.tsx'
import { Tag } from '../../ui/tag.tsx'
import { Tier, TierGlyph, type TierNumber } from '../../ui/tier.tsx'
import { type Choice, type ConsentRequest, type ConsentScope, withItem } from './consent.ts'

interface ScopesProps {
  request: ConsentRequest
  choice: Choice
  onChange: (choice: Choice) => void
}

export function Scopes({ request, choice, onChange }: ScopesProps) {
  return (
    <section aria-labelledby="what">
      <div className="flex items-center justify-between px-4 pt-3.5 pb-2.5 sm:px-6">
        <h2 id="what" className="text-12 font-medium text-text-3">
          What it may do
        </h2>
        <span className="text-12 text-text-3 tabular-nums">
          {request.scopes.length} asked{request.before && ` · ${fresh(request)} new`} · {choice.scopes.size} ticked
        </span>
      </div>
      <ul>
        {request.scopes.map((scope) => (
          <ScopeItem
            key={scope.scope}
            item={scope}
            standing={standingOf(request, scope)}
            ticked={choice.scopes.has(scope.scope)}
            onTick={(on) => onChange({ ...choice, scopes: withItem(choice.scopes, scope.scope, on) })}
          />
        ))}
      </ul>
    </section>
  )
}

interface ScopeItemProps {
  item: ConsentScope
  /** Beside what the client was given before; undefined where it was given nothing. */
  standing: 'held' | 'new' | undefined
  ticked: boolean
  onTick: (on: boolean) => void
}

function ScopeItem({ item, standing, ticked, onTick }: ScopeItemProps) {
  const [open, setOpen] = useState(false)
  const id = useId()
  const { grantable, reason, high_impact: highImpact } = item
  const hint = !grantable
    ? `Not offered: ${lowerFirst(reason ?? 'you can not grant it')}`
    : highImpact && !ticked
      ? 'High impact starts un-ticked'
      : undefined
  return (
    <li className="border-t border-line">
      <div className="grid grid-cols-[auto_minmax(0,1fr)_auto] items-start gap-x-3 px-4 py-2.5 sm:px-6">
        <input
          id={id}
          type="checkbox"
          className="choice choice-box mt-0.5"
          checked={ticked}
          disabled={!grantable}
          aria-describedby={hint === undefined && !standing ? undefined : `${id}-hint`}
          onChange={(event) => onTick(event.target.checked)}
        />
        <div className="min-w-0">
          <label htmlFor={id} className="block">
            <b className={cx('block text-14 font-semi', !grantable && 'text-text-3')}>{item.label}</b>
            <code className="text-12 text-text-3">{item.scope}</code>
          </label>
          {(hint !== undefined || standing) && (
            <p id={`${id}-hint`} className="flex flex-wrap items-center gap-x-2 text-12 text-text-3">
              {standing === 'new' && <Tag tone="accent">new</Tag>}
              {standing === 'held' && 'It has this already'}
              {hint}
            </p>
          )}
        </div>
        {item.tools.length > 0 && (
          <button
            type="button"
            aria-expanded={open}
            aria-controls={`${id}-tools`}
            onClick={() => setOpen(!open)}
            className="flex h-6 items-center gap-2 rounded-1 max-sm:col-start-2 max-sm:row-start-2 max-sm:h-11 max-sm:justify-self-start"
          >
            <Tier tier={tierOf(item)} more={`${item.tools.length} ${item.tools.length === 1 ? 'tool' : 'tools'}`} />
            <ChevronDown
              className={cx('size-3.5 text-accent-text transition-transform', open && 'rotate-180')}
              strokeWidth={1.6}
              aria-hidden="true"
            />
          </button>
        )}
      </div>
      <Tools id={`${id}-tools`} item={item} open={open} />
      {ticked && highImpact && (
        <div className="px-4 pb-4 pl-11 sm:px-6 sm:pl-13">
          <Note tone="high-impact" title="High impact changes machines." alert>
            Each such call shows a preview first and waits for a confirmation; a policy may ask for a second person.
          </Note>
        </div>
      )}
    </li>
  )
}

function Tools({ id, item, open }: { id: string; item: ConsentScope; open: boolean }) {
  return (
    <ul
      id={id}
      hidden={!open}
      className={cx(open && 'grid grid-cols-1 gap-x-6 px-4 pb-2.5 pl-11 sm:grid-cols-2 sm:px-6 sm:pl-13')}
    >
      {item.tools.map(({ name, title, tier }) => (
        <li key={name} className="flex h-6 min-w-0 items-center justify-between gap-2 text-12 max-sm:h-7">
          <code className="truncate text-12" title={title}>
            {name}
          </code>
          <TierGlyph tier={tier} label />
        </li>
      ))}
    </ul>
  )
}

const standingOf = ({ before }: ConsentRequest, { scope }: ConsentScope) =>
  before ? (before.scopes.includes(scope) ? 'held' : 'new') : undefined
const fresh = (request: ConsentRequest): number =>
  request.scopes.filter((scope) => standingOf(request, scope) === 'new').length

const LEVELS: Readonly<Record<string, TierNumber>> = { read: 1, write: 2 }
const tierOf = ({ level, high_impact: highImpact }: ConsentScope): TierNumber => (highImpact ? 3 : (LEVELS[level] ?? 3))

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/, '')
