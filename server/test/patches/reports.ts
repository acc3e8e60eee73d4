/** What devices report of updates, as the writer of inventory stores it, for tests of what is made of it. */
import type { SectionData } from '@breeze/contract/agent-inventory'
import type { Harness } from '../harness.ts'

type Update = SectionData<'updates'>['updates'][number]
type Outcome = SectionData<'update_history'>[number]

export const NOW = new Date()
export const hoursAgo = (hours: number): Date => new Date(NOW.getTime() - hours * 3_600_000)

export const update = (name: string, more: Partial<Update> = {}): Update => ({
  name,
  installed: '1',
  available: '2',
  architecture: 'amd64',
  origin: null,
  security: false,
  ...more,
})

let hashes = 0

/** A section as it came in, with a hash of its own. */
export async function section(
  { sql }: Pick<Harness, 'sql'>,
  deviceId: string,
  name: string,
  data: unknown,
  { status = 'ok', collectedAt = NOW }: { status?: string; collectedAt?: Date } = {},
): Promise<void> {
  await sql(
    `insert into device_sections (device_id, section, organization_id, site_id, status, source, collected_at, hash, data)
     select id, $2, organization_id, site_id, $3, 'test', $4, $5, $6 from devices where id = $1
     on conflict (device_id, section) do update set status = $3, collected_at = $4, hash = $5, data = $6`,
    [deviceId, name, status, collectedAt, `hash ${hashes++}`, data === null ? null : JSON.stringify(data)],
  )
}

export interface PatchReport {
  updates?: readonly Update[]
  history?: readonly Outcome[]
  manager?: SectionData<'updates'>['manager']
  listsUpdatedAt?: Date | null
  lastSeenAt?: Date
}

/** The sections of a device that was just heard from; what follows from them is derived with the next `catchUp`. */
export async function report(world: Pick<Harness, 'sql'>, deviceId: string, told: PatchReport): Promise<void> {
  const { updates = [], history = [], manager = 'apt', listsUpdatedAt = hoursAgo(5), lastSeenAt = NOW } = told
  await world.sql(
    `insert into device_presence (device_id, organization_id, site_id, last_seen_at)
     select id, organization_id, site_id, $2 from devices where id = $1
     on conflict (device_id) do update set last_seen_at = $2`,
    [deviceId, lastSeenAt],
  )
  const lists = listsUpdatedAt?.toISOString() ?? null
  await section(world, deviceId, 'updates', { manager, listsUpdatedAt: lists, updates })
  await section(world, deviceId, 'update_history', history)
}
