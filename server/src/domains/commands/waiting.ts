/** What the commands of an operation that have not ended are waiting for. */
import type { Tx } from '../../kernel/db.ts'

const REASONS = {
  approval: 'for the approval of their device',
  quarantine: 'for the release of their device from quarantine',
  first_connection: 'for devices that never connected',
  connection: 'for offline devices to connect',
  delivery: 'to be sent in a moment',
  room: 'until fewer run at once',
  acceptance: 'for the device to take them on',
  turn: 'for their turn on the device',
  end: 'for what runs to end',
  stop: 'for the device to stop them',
} as const
type WaitReason = keyof typeof REASONS

export interface Waiting {
  for: WaitReason
  commands: number
  /** When the first of those that are still here expires. */
  until: string | null
}

const WAITING = `
  select case
      when c.cancel_requested_at is not null then 'stop'
      when c.state = 'started' then 'end'
      when c.state = 'accepted' then 'turn'
      when c.state = 'delivered' and d.status = 'online' then 'acceptance'
      when 'quarantined' = any (d.conditions) then 'quarantine'
      when 'awaiting_approval' = any (d.conditions) then 'approval'
      when d.status = 'online' and c.at_once is not null then 'room'
      when d.status = 'online' then 'delivery'
      when d.status = 'pending' then 'first_connection'
      else 'connection' end as reason,
    count(*) as n, min(c.expires_at) filter (where c.state in ('queued', 'delivered')) as until
  from device_commands c join devices d on d.id = c.device_id
  where c.operation_id = $1 and c.state in ('queued', 'delivered', 'accepted', 'started')
  group by 1 order by 2 desc, 1`

export async function waitingOf(tx: Tx, operationId: string): Promise<Waiting[]> {
  const rows = await tx.prepared<{ reason: WaitReason; n: number; until: Date | null }>('waiting_of', WAITING, [
    operationId,
  ])
  return rows.map((row) => ({ for: row.reason, commands: row.n, until: row.until?.toISOString() ?? null }))
}

export function waitingText(waiting: readonly Waiting[]): string {
  const parts = waiting.map((one) => {
    const until = one.until === null ? '' : ` (the first expires at ${one.until})`
    return `${one.commands} wait${one.commands === 1 ? 's' : ''} ${REASONS[one.for]}${until}`
  })
  return parts.length === 0 ? '' : `${parts.join('; ')}.`
}
