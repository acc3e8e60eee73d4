/** What a server that starts finds of the time before. */
import type { GoodbyeReason } from '@breeze/contract/agent-protocol'
import type { Tx } from '../../kernel/db.ts'
import { cameBack, fellSilent, type PresenceTurn } from './presence-turns.ts'
import type { DeviceStatus } from './tables.ts'

/** What was written of a device that was heard at least once. */
export interface Standing {
  id: string
  status: DeviceStatus
  last_seen_at: Date | null
  status_changed_at: Date | null
  status_expected: GoodbyeReason | null
  expected_back_at: Date | null
  status_observed: boolean
  overdue: boolean
  degraded: boolean
  usual_ms: number | null
  elevated: boolean
}

export function readStanding(tx: Tx): Promise<Standing[]> {
  return tx.prepared(
    'presence_standing',
    `select d.id, d.status, p.last_seen_at, d.status_changed_at, d.status_expected, d.expected_back_at, d.status_observed,
       'return_overdue' = any (d.conditions) as overdue, 'degraded' = any (d.conditions) as degraded,
       p.round_trip_usual_ms as usual_ms, coalesce(p.round_trip_elevated, false) as elevated
     from devices d left join device_presence p on p.device_id = d.id
     where d.removed_at is null and d.first_seen_at is not null`,
    [],
  )
}

/** The turn that the device's row shows, where it is not older than that. */
export function lastTurn(device: Standing, from: number): PresenceTurn[] {
  const { id, status, status_changed_at: at } = device
  if (status === 'pending' || at === null || at.getTime() < from) return []
  const turn = status === 'online' ? cameBack(id, at) : fellSilent(id, at, device.status_observed)
  const { status_expected: expected, expected_back_at: expectedBackAt, overdue } = device
  return [{ ...turn, expected, expectedBackAt, overdue }]
}

/** The server's sign of life: what it did not hear after the last one, nobody heard. */
export async function writeAlive(tx: Tx, at: Date): Promise<void> {
  await tx.prepared(
    'presence_alive',
    `insert into installation (key, value, updated_at) values ('alive_at', to_jsonb($1::text), $2)
     on conflict (key) do update set value = excluded.value, updated_at = excluded.updated_at`,
    [at.toISOString(), at],
  )
}

export async function readAlive(tx: Tx): Promise<Date | null> {
  const rows = await tx.prepared<{ at: string }>(
    'presence_read_alive',
    `select value #>> '{}' as at from installation where key = 'alive_at'`,
    [],
  )
  const at = new Date(rows[0]?.at ?? Number.NaN)
  return Number.isNaN(at.getTime()) ? null : at
}
