import { spoken } from './time.ts'

/** A time that the server gave; `never` where there is none. */
export function When({ at, never = 'Never' }: { at: string | null; never?: string }) {
  if (at === null) return <span className="text-text-3">{never}</span>
  const date = new Date(at)
  return (
    <time dateTime={at} title={`${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`} className="tabular-nums">
      {spoken(date)}
    </time>
  )
}
