/** The worker's side of the queue: what to send to which connected device. */
import type { SignedCommand } from '@breeze/contract/agent-commands'
import type { SecretBox } from '../../keys/secret-box.ts'
import type { Db, Tx } from '../../kernel/db.ts'
import { fault } from '../../kernel/faults.ts'
import { TRUSTED_SQL } from '../devices/conditions.ts'
import { openPayload } from './sealing.ts'

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
  sealed: boolean
}

/** Bounds the memory of one step: a script may weigh 200 KB. */
const STEP = 100

/** How long after its expiry a delivered command's fate may still be on its way. */
const SLACK = `interval '60 seconds'`

const CLAIMED = 'returning c.id, c.device_id, c.key_id, c.payload, c.signature, c.sealed'
const CLAIM = `
  with picked as (
    select c.id from device_commands c join devices d on d.id = c.device_id and d.removed_at is null and ${TRUSTED_SQL}
    where c.device_id = any ($1::uuid[]) and c.state = 'queued' and c.at_once is null and c.expires_at > $2
    order by c.device_id, c.id limit ${STEP} for update of c skip locked)
  update device_commands c set state = 'delivered', delivered_at = $2, give_up_at = c.expires_at + ${SLACK}
  from picked where c.id = picked.id
  ${CLAIMED}`

const REDELIVER = `
  select c.id, c.device_id, c.key_id, c.payload, c.signature, c.sealed
  from device_commands c join devices d on d.id = c.device_id and d.removed_at is null and ${TRUSTED_SQL}
  where c.device_id = any ($1::uuid[]) and c.state in ('delivered', 'accepted', 'started') and (c.device_id, c.id) > ($2, $3)
    and c.payload <> ''
  order by c.device_id, c.id limit ${STEP}`

const LOWEST = '00000000-0000-0000-0000-000000000000'

/**
 * Takes what is queued for these devices, oldest first for each, in bounded steps: a step is committed as `delivered`
 * before it is handed out, so that a crash in between means a second sending (the agent runs an id once), never a loss.
 */
export async function* claim(
  db: Db,
  box: SecretBox,
  now: () => Date,
  deviceIds: readonly string[],
): AsyncGenerator<Outgoing[]> {
  for (const ids of groups(deviceIds)) {
    for (const take of [claimOf, claimInTurn]) {
      for (;;) {
        const rows = await db.worker((tx) => take(tx, ids, now()))
        if (rows.length === 0) break
        fault('command.claimed')
        yield rows.sort((a, b) => compare(a.id, b.id)).map((row) => outgoing(box, row))
        if (rows.length < STEP) break
      }
    }
  }
}

const claimOf = (tx: Tx, deviceIds: readonly string[], now: Date): Promise<Row[]> =>
  tx.prepared<Row>('claim_commands', CLAIM, [deviceIds, now])

const IN_TURN = `
  select distinct operation_id as id from device_commands
  where device_id = any ($1::uuid[]) and state = 'queued' and at_once is not null and expires_at > $2`
const HOLD = 'select from operations where id = any ($1::uuid[]) order by id for no key update'
/** Of a device that went away: a run must not stand still until it expires. */
const PLACE_KEPT = `interval '5 minutes'`
const CLAIM_IN_TURN = `
  with room as (
    select c.operation_id,
      min(c.at_once) - count(*) filter (where c.state <> 'queued' and (d.status = 'online' or c.delivered_at > $2::timestamptz - ${PLACE_KEPT})) as free
    from device_commands c join devices d on d.id = c.device_id
    where c.operation_id = any ($3::uuid[]) and c.state in ('queued', 'delivered', 'accepted', 'started') group by 1),
  next as (
    select c.id, c.operation_id, row_number() over (partition by c.operation_id order by c.id) as place
    from device_commands c join devices d on d.id = c.device_id and d.removed_at is null and ${TRUSTED_SQL}
    where c.operation_id = any ($3::uuid[]) and c.device_id = any ($1::uuid[]) and c.state = 'queued' and c.expires_at > $2),
  picked as (
    select c.id from device_commands c join next on next.id = c.id join room on room.operation_id = next.operation_id
    where next.place <= room.free and c.state = 'queued' order by c.id limit ${STEP} for no key update of c skip locked)
  update device_commands c set state = 'delivered', delivered_at = $2, give_up_at = c.expires_at + ${SLACK}
  from picked where c.id = picked.id
  ${CLAIMED}`

/** Of operations whose commands go out a few at a time. Two claims of one operation come one after the other. */
async function claimInTurn(tx: Tx, deviceIds: readonly string[], now: Date): Promise<Row[]> {
  const waiting = await tx.prepared<{ id: string }>('commands_in_turn', IN_TURN, [deviceIds, now])
  if (waiting.length === 0) return []
  const operations = waiting.map(({ id }) => id)
  await tx.prepared('hold_operations', HOLD, [operations])
  return tx.prepared<Row>('claim_in_turn', CLAIM_IN_TURN, [deviceIds, now, operations])
}

const NEXT = `
  select c.device_id as id from device_commands c join devices d on d.id = c.device_id and d.status = 'online'
  where c.state = 'queued' and c.at_once is not null and ($1::uuid[] is null or c.operation_id = any ($1::uuid[]))
  order by c.id limit 200`

/** Devices whose turn it may be, now that something of these operations (null: of any) has ended. */
export async function nextInTurn(db: Db, operations: readonly string[] | null): Promise<string[]> {
  const rows = await db.worker((tx) => tx.prepared<{ id: string }>('next_in_turn', NEXT, [operations]))
  return rows.map(({ id }) => id)
}

/** What these devices were sent before and have not finished: sent again after a reconnect. */
export async function* redeliver(db: Db, box: SecretBox, deviceIds: readonly string[]): AsyncGenerator<Outgoing[]> {
  for (const ids of groups(deviceIds)) {
    for (let after = { device_id: LOWEST, id: LOWEST }; ;) {
      const values = [ids, after.device_id, after.id]
      const rows = await db.worker((tx) => tx.prepared<Row>('redeliver_commands', REDELIVER, values))
      const last = rows.at(-1)
      if (!last) break
      yield rows.map((row) => outgoing(box, row))
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

function outgoing(box: SecretBox, row: Row): Outgoing {
  return {
    commandId: row.id,
    deviceId: row.device_id,
    command: {
      keyId: row.key_id,
      payload: row.sealed ? openPayload(box, row) : row.payload,
      signature: row.signature,
    },
  }
}
