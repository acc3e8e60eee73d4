/** Whatever was sent or recorded, as names and values. Text stays text: nothing of it is ever taken for a page. */
export function Value({ value }: { value: unknown }) {
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
        // They have no identity, and never move while they are shown.
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
        <dt className="text-text-3">{fieldWords(name)}</dt>
        <dd className="min-w-0 font-mono wrap-anywhere">
          <Value value={value} />
        </dd>
      </div>
    ))}
  </dl>
)

/** "usedPercent" and "used_percent" as "used percent". */
export const fieldWords = (name: string): string =>
  name.replace(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`).replaceAll('_', ' ')
