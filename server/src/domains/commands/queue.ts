/** Signing commands and putting them into their table: the same transaction as the act that asked for them. */
import type { CommandBody, CommandPayload } from '@breeze/contract/agent-commands'
import { PROTOCOL_VERSION } from '@breeze/contract/agent-commands'
import type { CommandSigner } from '../../keys/keys.ts'
import type { Tx } from '../../kernel/db.ts'
import { notFound } from '../../kernel/errors.ts'

export interface QueueRequest {
  operationId: string
  devices: readonly { id: string; organizationId: string; siteId: string }[]
  body: CommandBody
  /** A device that has not started it by then refuses it. */
  expiresAt: Date
  newId(): string
}

export interface QueuedCommand {
  id: string
  deviceId: string
}

interface SignedRow extends QueuedCommand {
  payload: string
  signature: string
}

const MAX_ROWS = 2000
const MAX_BYTES = 8_000_000
/** About 4 ms of signing between two turns of the event loop. */
const SIGNED_PER_TURN = 100

/** Organization and site come from the device's own row as this transaction sees it: what it can't see is not found. */
const INSERT = `
  insert into device_commands
    (id, organization_id, site_id, device_id, operation_id, type, key_id, payload, signature, issued_at, expires_at, run_seconds, give_up_at)
  select c.id, d.organization_id, d.site_id, d.id, $5, $6, $7, c.payload, c.signature, $8, $9, $10, $9
  from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) as c (id, device_id, payload, signature)
  join devices d on d.id = c.device_id and d.removed_at is null
  returning device_id`

export async function insertCommands(
  tx: Tx,
  signer: CommandSigner,
  now: Date,
  request: QueueRequest,
): Promise<QueuedCommand[]> {
  const queued: QueuedCommand[] = []
  let rows: SignedRow[] = []
  let bytes = 0
  for (const [index, device] of request.devices.entries()) {
    // Thousands of signatures in one go would stop every other request of this process.
    if (index > 0 && index % SIGNED_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
    const row = signedRow(signer, now, request, device.id)
    if (rows.length === MAX_ROWS || bytes + row.payload.length > MAX_BYTES) {
      await insert(tx, signer, now, request, rows)
      rows = []
      bytes = 0
    }
    rows.push(row)
    bytes += row.payload.length
    queued.push({ id: row.id, deviceId: row.deviceId })
  }
  if (rows.length > 0) await insert(tx, signer, now, request, rows)
  return queued
}

function signedRow(signer: CommandSigner, now: Date, request: QueueRequest, deviceId: string): SignedRow {
  const id = request.newId()
  const content: CommandPayload = {
    v: PROTOCOL_VERSION,
    commandId: id,
    deviceId,
    issuedAt: now.toISOString(),
    expiresAt: request.expiresAt.toISOString(),
    body: request.body,
  }
  const payload = JSON.stringify(content)
  return { id, deviceId, payload, signature: signer.sign(payload).signature }
}

async function insert(
  tx: Tx,
  signer: CommandSigner,
  now: Date,
  request: QueueRequest,
  rows: readonly SignedRow[],
): Promise<void> {
  const inserted = await tx.prepared<{ device_id: string }>('queue_commands', INSERT, [
    rows.map((row) => row.id),
    rows.map((row) => row.deviceId),
    rows.map((row) => row.payload),
    rows.map((row) => row.signature),
    request.operationId,
    request.body.type,
    signer.id,
    now,
    request.expiresAt,
    runSeconds(request.body),
  ])
  if (inserted.length === rows.length) return
  const reached = new Set(inserted.map((row) => row.device_id))
  throw notFound('device', rows.find((row) => !reached.has(row.deviceId))?.deviceId ?? '')
}

function runSeconds(body: CommandBody): number {
  // A power command ends when it is scheduled, not when the machine goes down.
  return body.type === 'script.run' ? body.args.timeoutSeconds : 60
}
