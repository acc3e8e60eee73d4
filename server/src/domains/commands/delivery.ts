/** The worker's side of the queue: what to send to which connected device. */
import type { SignedCommand } from '@breeze/contract/agent-commands'
import type { Db } from '../../kernel/db.ts'
import { fault } from '../../kernel/faults.ts'
import { TRUSTED_SQL } from '../devices/conditions.ts'

/** Told after commit that these devices may have something waiting. Must not throw; losing a wake-up costs only time. */
export interface Delivery {
  wake(deviceIds: readonly string[]): void
  /** The same for what they are asked to stop. */
  cancel(deviceIds: readonly string[]): void
}

export interface Outgoing {
  commandId: string
  deviceId: string
  command: SignedCommand
}

interface Row {
  id: string
  device_id: string
  key_id: string
  payload: string
  signature: string
}

/** Bounds the memory of one step: a script may weigh 200 KB. */
const STEP = 100

/** How long after its expiry a delivered command's fate may still be on its way. */
const SLACK = `interval '60 seconds'`

const CLAIM = `
  with picked as (
    select c.id from device_commands c join devices d on d.id = c.device_id and d.removed_at is null and ${TRUSTED_SQL}
    where c.device_id = any ($1::uuid[]) and c.state = 'queued' and c.expires_at > $2
    order by c.device_id, c.id limit ${STEP} for update of c skip locked)
  update device_commands c set state = 'delivered', delivered_at = $2, give_up_at = c.expires_at + ${SLACK}
  from picked where c.id = picked.id
  returning c.id, c.device_id, c.key_id, c.payload, c.signature`

const REDELIVER = `
  select c.id, c.device_id, c.key_id, c.payload, c.signature
  from device_commands c join devices d on d.id = c.device_id and d.removed_at is null and ${TRUSTED_SQL}
  where c.device_id = any ($1::uuid[]) and c.state in ('delivered', 'accepted', 'started') and (c.device_id, c.id) > ($2, $3)
  order by c.device_id, c.id limit ${STEP}`

const LOWEST = '00000000-0000-0000-0000-000000000000'

/**
 * Takes what is queued for these devices, oldest first for each, in bounded steps: a step is committed as `delivered`
 * before it is handed out, so that a crash in between means a second sending (the agent runs an id once), never a loss.
 */
export async function* claim(db: Db, now: () => Date, deviceIds: readonly string[]): AsyncGenerator<Outgoing[]> {
  for (const ids of groups(deviceIds)) {
    for (;;) {
      const rows = await db.worker((tx) => tx.prepared<Row>('claim_commands', CLAIM, [ids, now()]))
      if (rows.length === 0) break
      fault('command.claimed')
      yield rows.sort((a, b) => compare(a.id, b.id)).map(outgoing)
      if (rows.length < STEP) break
    }
  }
}

/** What these devices were sent before and have not finished: sent again after a reconnect. */
export async function* redeliver(db: Db, deviceIds: readonly string[]): AsyncGenerator<Outgoing[]> {
  for (const ids of groups(deviceIds)) {
    for (let after = { device_id: LOWEST, id: LOWEST }; ;) {
      const values = [ids, after.device_id, after.id]
      const rows = await db.worker((tx) => tx.prepared<Row>('redeliver_commands', REDELIVER, values))
      const last = rows.at(-1)
      if (!last) break
      yield rows.map(outgoing)
      if (rows.length < STEP) break
      after = last
    }
  }
}

/** Asked for all at once, each step would sort everything that still waits. */
function groups(deviceIds: readonly string[]): string[][] {
  const count = Math.ceil(deviceIds.length / STEP)
  return Array.from({ length: count }, (_, index) => deviceIds.slice(index * STEP, (index + 1) * STEP))
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function outgoing(row: Row): Outgoing {
  return {
    commandId: row.id,
    deviceId: row.device_id,
    command: { keyId: row.key_id, payload: row.payload, signature: row.signature },
  }
}
