/** The partitions of the metrics: made before they are needed, dropped as a whole when all in them is old. */
import { sql } from 'kysely'
import { type Db, query, type Tx } from '../../kernel/db.ts'

const DAY_MS = 86_400_000
const WEEK_MS = 7 * DAY_MS
/** The first Monday of Unix time. */
const MONDAY_MS = 4 * DAY_MS

/** How long each table keeps its rows, and how it is cut. */
export const RETENTION = {
  minute: { keptMs: 2 * DAY_MS, cut: 'day' },
  quarter: { keptMs: 30 * DAY_MS, cut: 'week' },
  /** 13 months. */
  hour: { keptMs: 396 * DAY_MS, cut: 'month' },
} as const
export type Resolution = keyof typeof RETENTION
export const RESOLUTIONS = ['minute', 'quarter', 'hour'] as const satisfies readonly Resolution[]

/** What a late sample may still fall into, and what comes until the next look even if that fails for a day. */
const BEHIND_MS = RETENTION.minute.keptMs
const AHEAD_MS = DAY_MS
/** Locked while partitions are made, so that two nodes do not make the same one. */
const LOCK = 0x6d657472

interface Span {
  starts: Date
  ends: Date
}

/** Answers until when rows can be stored. */
export async function makePartitions(db: Db, now: Date): Promise<Date> {
  const until = new Date(now.getTime() + AHEAD_MS)
  const wanted = RESOLUTIONS.flatMap((resolution) =>
    spans(resolution, new Date(now.getTime() - BEHIND_MS), until).flatMap((span) =>
      [`metrics_${resolution}`, `disk_metrics_${resolution}`].map((table) => ({ table, ...span })),
    ),
  )
  await db.worker(async (tx) => {
    await tx.prepared('lock_partitions', 'select pg_advisory_xact_lock($1)', [LOCK])
    for (const { table, starts, ends } of wanted) {
      await tx.prepared('add_partition', 'call add_partition($1, $2, $3)', [table, starts, ends])
    }
  })
  return until
}

/**
 * Drops what lies wholly before each table's time. Minute rows that no roll-up has seen yet stay, whatever their age.
 * Answers how many partitions went.
 */
export async function dropPartitions(db: Db, now: Date): Promise<number> {
  const old = await db.worker((tx) => oldPartitions(tx, now))
  for (const name of old) {
    await db.worker(async (tx) => {
      // Dropping locks the whole table: rather later than behind a long query with everybody else in line.
      await tx.run({ compile: () => sql`set local lock_timeout = '2s'`.compile(query) })
      await tx.run({ compile: () => sql`drop table ${sql.raw(name)}`.compile(query) })
    })
  }
  return old.length
}

async function oldPartitions(tx: Tx, now: Date): Promise<string[]> {
  const before = (resolution: Resolution): Date => new Date(now.getTime() - RETENTION[resolution].keptMs)
  const rows = await tx.prepared<{ name: string }>(
    'old_partitions',
    `with own as (
       select c.oid::regclass::text as name, p.relname as parent,
         (regexp_match(pg_get_expr(c.relpartbound, c.oid), $$TO \\('([^']+)'\\)$$))[1]::timestamptz as ends
       from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
       where c.relnamespace = 'partitions'::regnamespace)
     select name from own cross join metrics_progress
     where parent in ('metrics_minute', 'disk_metrics_minute') and ends <= least($1::timestamptz, rolled_up_until)
       or parent in ('metrics_quarter', 'disk_metrics_quarter') and ends <= $2::timestamptz
       or parent in ('metrics_hour', 'disk_metrics_hour') and ends <= $3::timestamptz
     order by name`,
    [before('minute'), before('quarter'), before('hour')],
  )
  return rows.map((row) => row.name)
}

function spans(resolution: Resolution, from: Date, until: Date): Span[] {
  const found: Span[] = []
  for (let starts = startOf(resolution, from); starts <= until;) {
    const ends = startOf(resolution, new Date(starts.getTime() + longest(resolution)))
    found.push({ starts, ends })
    starts = ends
  }
  return found
}

/** Reaches into the next span from the start of any, and not beyond it. */
const longest = (resolution: Resolution): number =>
  ({ day: DAY_MS, week: WEEK_MS, month: 31 * DAY_MS })[RETENTION[resolution].cut]

function startOf(resolution: Resolution, at: Date): Date {
  const ms = at.getTime()
  switch (RETENTION[resolution].cut) {
    case 'day':
      return new Date(ms - (ms % DAY_MS))
    case 'week':
      return new Date(ms - ((ms - MONDAY_MS) % WEEK_MS))
    case 'month':
      return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth()))
  }
}
