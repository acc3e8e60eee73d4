import { Untrusted } from '../../ui/untrusted.tsx'
import { When } from '../../ui/when.tsx'
import type { Section } from './devices.ts'

/** Why there is nothing to show, in words: unknown is never a zero. */
const MISSING: Readonly<Record<string, string>> = {
  not_collected: 'The agent has not sent it yet.',
  unsupported: 'This system has no such thing, or the agent can not read it.',
  no_permission: 'The agent may not read it.',
  timeout: 'Reading it took too long.',
  error: 'Reading it failed.',
}

const TITLES: Readonly<Record<string, string>> = { os: 'Operating system', cpu: 'Processor' }

export function DeviceSection({ device, section }: { device: string; section: Section }) {
  const { name, status, data, detail } = section
  const title =
    TITLES[name] ??
    name.replaceAll('_', ' ').replace(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`)
  return (
    <details className="group border-b border-line">
      <summary className="flex h-9 list-none items-center gap-3 px-5 font-medium hover:bg-hover focus-visible:shadow-[inset_0_0_0_2px_var(--accent)] max-sm:h-11">
        <span aria-hidden="true" className="text-text-3 transition-transform group-open:rotate-90">
          ›
        </span>
        <span className="grow first-letter:uppercase">{title}</span>
        <span className="text-12 font-regular text-text-3">
          {status === 'ok' ? <When at={section.collected_at} /> : status.replaceAll('_', ' ')}
        </span>
      </summary>
      <div className="px-5 pt-1 pb-4">
        {data === undefined || data === null ? (
          <p className="text-text-2">
            {status === 'ok' ? 'Ask for it by name to read it.' : (MISSING[status] ?? status)}
          </p>
        ) : (
          <Untrusted of={device} note={section.source}>
            <Value value={data} />
            {section.left_out !== undefined && (
              <p className="mt-2 text-text-3">{section.left_out} more are not shown.</p>
            )}
          </Untrusted>
        )}
        {detail !== null && status !== 'ok' && (
          <div className="mt-2">
            <Untrusted of={device}>{detail}</Untrusted>
          </div>
        )}
      </div>
    </details>
  )
}

/** Whatever the device sent, as names and values. Text stays text: nothing of it is ever taken for a page. */
function Value({ value }: { value: unknown }) {
  if (value === null) return <span className="text-text-3">unknown</span>
  if (Array.isArray(value)) return <List items={value} />
  if (typeof value === 'object') return <Fields of={value} />
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return String(value)
}

function List({ items }: { items: readonly unknown[] }) {
  if (items.length === 0) return <span className="text-text-3">none</span>
  const flat = items.every((item) => item === null || typeof item !== 'object')
  if (flat) return items.map(String).join(', ')
  return (
    <ul className="flex flex-col gap-2">
      {items.map((item, index) => (
        // The device gives them no identity, and they never move while they are shown.
        <li key={index} className="border-line not-first:border-t not-first:pt-2">
          <Value value={item} />
        </li>
      ))}
    </ul>
  )
}

const Fields = ({ of }: { of: object }) => (
  <dl className="grid grid-cols-[max-content_minmax(0,1fr)] gap-x-3 gap-y-0.5">
    {Object.entries(of).map(([name, value]) => (
      <div key={name} className="contents">
        <dt className="text-text-3">{words(name)}</dt>
        <dd className="min-w-0 font-mono wrap-anywhere">
          <Value value={value} />
        </dd>
      </div>
    ))}
  </dl>
)

const words = (name: string): string =>
  name.replace(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`).replaceAll('_', ' ')
