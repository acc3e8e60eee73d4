/** Ending commands early: those still here at once, those at their device by asking it. */
import { type CancelPayload, PROTOCOL_VERSION, type SignedCancel } from '@breeze/contract/agent-commands'
import type { CommandSigner } from '../../keys/keys.ts'
import type { Db, Tx } from '../../kernel/db.ts'
import type { CommandState } from './tables.ts'

/** What not to go on with. `all` reaches as far as the transaction sees. */
export type Cancellation = (
  | { operationId: string; deviceIds?: readonly string[] }
  | { operationIds: readonly string[] }
  | { organizationId: string }
  | { deviceIds: readonly string[] }
  | { all: true }
) & {
  /** Only what is still here: nothing that a device has is stopped. */
  waitingOnly?: boolean
}

export interface Cancelled {
  /** Never delivered, and never will be. */
  cancelled: number
  /** Their devices are asked to stop them; what became of each, they say themselves. */
  asked: number
}

interface Row {
  state: CommandState
  operation_id: string
  device_id: string
}

// Locked in the order of ids, as the writers of results do.
const CANCEL = (which: string): string => `
  with open as (
    select id from device_commands
    where state in ('queued', 'delivered', 'accepted', 'started') and state = any ($4::text[]) and ${which}
    order by id for no key update)
  update device_commands c set
    state = case c.state when 'queued' then 'cancelled' else c.state end,
    reason = case c.state when 'queued' then $2 else c.reason end,
    finished_at = case c.state when 'queued' then $1::timestamptz else c.finished_at end,
    cancel_requested_at = case c.state when 'queued' then null else coalesce(c.cancel_requested_at, $1::timestamptz) end,
    cancel_reason = case c.state when 'queued' then null else coalesce(c.cancel_reason, $2) end
  from open where c.id = open.id and c.state in ('queued', 'delivered', 'accepted', 'started') and c.state = any ($4::text[])
  returning c.state, c.operation_id, c.device_id`

const STATEMENTS = {
  operations: { name: 'cancel_of_operations', text: CANCEL('operation_id = any ($3::uuid[])') },
  devicesOfOperation: {
    name: 'cancel_of_devices_of_operation',
    text: CANCEL('operation_id = $5 and device_id = any ($3::uuid[])'),
  },
  devices: { name: 'cancel_of_devices', text: CANCEL('device_id = any ($3::uuid[])') },
  organization: { name: 'cancel_of_organization', text: CANCEL('organization_id = any ($3::uuid[])') },
  all: { name: 'cancel_all', text: CANCEL('$3::uuid[] is null') },
}

const OPEN: readonly CommandState[] = ['queued', 'delivered', 'accepted', 'started']

export async function cancelCommands(tx: Tx, now: Date, which: Cancellation, reason: string): Promise<Row[]> {
  const { statement, ids, more = [] } = chosen(which)
  if (ids?.length === 0) return []
  const states = which.waitingOnly ? ['queued'] : OPEN
  return tx.prepared<Row>(statement.name, statement.text, [now, reason, ids, states, ...more])
}

function chosen(which: Cancellation): {
  statement: { name: string; text: string }
  ids: readonly string[] | null
  more?: string[]
} {
  if ('operationId' in which) {
    const { operationId, deviceIds } = which
    if (deviceIds) return { statement: STATEMENTS.devicesOfOperation, ids: deviceIds, more: [operationId] }
    return { statement: STATEMENTS.operations, ids: [operationId] }
  }
  if ('operationIds' in which) return { statement: STATEMENTS.operations, ids: which.operationIds }
  if ('deviceIds' in which) return { statement: STATEMENTS.devices, ids: which.deviceIds }
  if ('organizationId' in which) return { statement: STATEMENTS.organization, ids: [which.organizationId] }
  return { statement: STATEMENTS.all, ids: null }
}

export interface OutgoingCancel {
  deviceId: string
  cancel: SignedCancel
}

/** Bounds the signing between two turns of the event loop. */
const STEP = 100
const LOWEST = '00000000-0000-0000-0000-000000000000'

const ASKED = `
  select id, device_id, cancel_requested_at from device_commands
  where device_id = any ($1::uuid[]) and cancel_requested_at is not null and state in ('delivered', 'accepted', 'started')
    and (device_id, id) > ($2, $3)
  order by device_id, id limit ${STEP}`

/** What these devices are asked to stop and have not reported an end of: the same bytes each time. */
export async function* pendingCancels(
  db: Db,
  signer: CommandSigner,
  deviceIds: readonly string[],
): AsyncGenerator<OutgoingCancel[]> {
  for (let after = { device_id: LOWEST, id: LOWEST }; deviceIds.length > 0;) {
    const values = [deviceIds, after.device_id, after.id]
    const rows = await db.worker((tx) =>
      tx.prepared<{ id: string; device_id: string; cancel_requested_at: Date }>('pending_cancels', ASKED, values),
    )
    const last = rows.at(-1)
    if (!last) return
    yield rows.map((row) => ({ deviceId: row.device_id, cancel: signedCancel(signer, row) }))
    if (rows.length < STEP) return
    after = last
  }
}

function signedCancel(
  signer: CommandSigner,
  row: { id: string; device_id: string; cancel_requested_at: Date },
): SignedCancel {
  const content: CancelPayload = {
    v: PROTOCOL_VERSION,
    cancels: row.id,
    deviceId: row.device_id,
    issuedAt: row.cancel_requested_at.toISOString(),
  }
  const payload = JSON.stringify(content)
  return { payload, ...signer.signCancel(payload) }
}
