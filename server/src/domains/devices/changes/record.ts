/** Writes down what changed on devices, in the transaction that stores it. */
import type { Db, Tx } from '../../../kernel/db.ts'
import { cleanName } from '../device-name.ts'
import type { SectionChange } from '../section-changes.ts'
import type { Change, ChangeKind } from './change.ts'
import { changesOf } from './of-section.ts'

/** More of one section at once are one entry, which lists the first of them. */
const MOST_EACH = 40
const MOST_LISTED = 500
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** A device that tells of something older has no idea of the time. */
const OLDEST_MS = 30 * DAY_MS

export interface Entry extends Change {
  deviceId: string
  section: string
  at: Date
  detail: ChangesDetail | null
}

export interface ChangesDetail {
  counts: Partial<Record<ChangeKind, number>>
  changes: Change[]
}

const subject = (text: string): string => cleanName(text, 300) ?? '?'
const value = (text: string | null): string | null => (text === null ? null : (cleanName(text, 500) ?? ''))

export function entriesOf(change: SectionChange, now: Date): Entry[] {
  const changes = changesOf(change).map((one) => {
    return { kind: one.kind, subject: subject(one.subject), before: value(one.before), after: value(one.after) }
  })
  const about = { deviceId: change.deviceId, section: change.section, at: plausible(change.after.collectedAt, now) }
  if (changes.length > MOST_EACH) return [{ ...about, ...summary(change.section, changes) }]
  return changes.map((one) => ({ ...about, ...one, detail: null }))
}

function plausible(at: Date, now: Date): Date {
  return at > now || at.getTime() < now.getTime() - OLDEST_MS ? now : at
}

function summary(section: string, changes: readonly Change[]): Change & { detail: ChangesDetail } {
  const counts: ChangesDetail['counts'] = {}
  for (const { kind } of changes) counts[kind] = (counts[kind] ?? 0) + 1
  const said = Object.entries(counts).map(([kind, n]) => `${n} ${kind.replace(/^[a-z]+_/, '').replaceAll('_', ' ')}`)
  const detail = { counts, changes: changes.slice(0, MOST_LISTED) }
  return { kind: 'many_changed', subject: section, before: null, after: said.join(', '), detail }
}

// Within an hour the same thing is one row: from what it was at first to what it is now, and how often it changed.
const RECORD = `
  insert into device_changes
    (device_id, organization_id, site_id, section, kind, subject, before, after, detail, first_at, at, hour)
  select d.id, d.organization_id, d.site_id, c.section, c.kind, c.subject, c.before, c.after, c.detail::jsonb, c.at, c.at, c.hour
  from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[])
    as c (id, section, kind, subject, before, after, detail, at, hour)
  join devices d on d.id = c.id and d.removed_at is null
  order by d.id, c.hour, c.section, c.kind, c.subject
  on conflict (device_id, hour, section, kind, subject) do update set
    after = excluded.after, detail = coalesce(excluded.detail, device_changes.detail),
    at = greatest(device_changes.at, excluded.at), occurrences = device_changes.occurrences + 1`

export async function recordChanges(tx: Tx, now: Date, changes: readonly SectionChange[]): Promise<void> {
  const entries = eachOnce(changes.flatMap((change) => entriesOf(change, now)))
  if (entries.length === 0) return
  await tx.prepared('record_changes', RECORD, [
    entries.map((entry) => entry.deviceId),
    entries.map((entry) => entry.section),
    entries.map((entry) => entry.kind),
    entries.map((entry) => entry.subject),
    entries.map((entry) => entry.before),
    entries.map((entry) => entry.after),
    entries.map((entry) => entry.detail && JSON.stringify(entry.detail)),
    entries.map((entry) => entry.at),
    entries.map(hourOf),
  ])
}

/** Each list of many stays one by itself. */
const hourOf = ({ kind, at }: Entry): Date =>
  kind === 'many_changed' ? at : new Date(at.getTime() - (at.getTime() % HOUR_MS))

/** One statement can't touch a row twice: what comes twice, as from two deltas of one batch, is told as one. */
function eachOnce(entries: readonly Entry[]): Entry[] {
  const once = new Map<string, Entry>()
  for (const entry of entries) {
    const key = JSON.stringify([entry.deviceId, hourOf(entry), entry.section, entry.kind, entry.subject])
    const earlier = once.get(key)
    once.set(key, earlier ? { ...entry, before: earlier.before } : entry)
  }
  return [...once.values()]
}

const KEPT_MONTHS = 13
const STEP = 5000
const FORGET = `
  with old as (select id from device_changes where at < $1 order by at limit ${STEP} for update skip locked)
  delete from device_changes c using old where c.id = old.id`

/** Answers how many entries were let go of. */
export async function forgetChanges(db: Db, now: Date): Promise<number> {
  const before = new Date(now)
  before.setUTCMonth(before.getUTCMonth() - KEPT_MONTHS)
  for (let total = 0; ;) {
    const n = await db.workerStatement('forget_changes', FORGET, [before])
    total += n
    if (n < STEP) return total
  }
}
