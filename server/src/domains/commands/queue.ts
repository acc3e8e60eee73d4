/** Signing commands and putting them into their table: the same transaction as the act that asked for them. */
import type { CommandBody, CommandPayload } from '@breeze/contract/agent-commands'
import { PROTOCOL_VERSION } from '@breeze/contract/agent-commands'
import type { SigningKey } from '../../keys/keys.ts'
import type { SecretBox } from '../../keys/secret-box.ts'
import type { Tx } from '../../kernel/db.ts'
import { notFound } from '../../kernel/errors.ts'
import { sealPayload } from './sealing.ts'
import { blocked, TRUSTED_SQL } from '../devices/conditions.ts'

export interface CommandPlace {
  id: string
  organizationId: string
  siteId: string
}

interface QueueFields {
  operationId: string
  devices: readonly CommandPlace[]
  /** A device that has not started it by then refuses it. */
  expiresAt: Date
  /** What it says must not lie open in the database. */
  isSecret?: boolean
  /** So many are at their devices at once; without it, all of them. */
  atOnce?: number
  /** Of a check that comes again and again: forgotten a day after it has ended. */
  isPassing?: boolean
  newId(): string
}
/** The same for all, or for each device its own. */
export type QueueRequest = QueueFields & ({ body: CommandBody } | { bodyFor(device: CommandPlace): CommandBody })

export interface QueuedCommand {
  id: string
  deviceId: string
}

interface SignedRow extends QueuedCommand {
  type: CommandBody['type']
  runSeconds: number
  payload: string
  signature: string
}

const MAX_ROWS = 2000
const MAX_BYTES = 8_000_000
/** About 4 ms of signing between two turns of the event loop. */
const SIGNED_PER_TURN = 100

/**
 * Organization and site come from the device's own row as this transaction sees it: what it can't see is not found.
 * Neither is anything queued for a device that would not be given it.
 */
const INSERT = `
  insert into device_commands
    (id, organization_id, site_id, device_id, operation_id, type, key_id, payload, signature, issued_at, expires_at, run_seconds, give_up_at,
      sealed, at_once, passing)
  select c.id, d.organization_id, d.site_id, d.id, $5, c.type, $6, c.payload, c.signature, $7, $8, c.run_seconds, $8, $11, $12, $13
  from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $9::text[], $10::integer[])
    as c (id, device_id, payload, signature, type, run_seconds)
  join devices d on d.id = c.device_id and d.removed_at is null and ${TRUSTED_SQL}
  returning device_id`

export async function insertCommands(
  tx: Tx,
  { signer, box }: { signer: SigningKey; box: SecretBox },
  now: Date,
  request: QueueRequest,
): Promise<QueuedCommand[]> {
  const queued: QueuedCommand[] = []
  let rows: SignedRow[] = []
  let bytes = 0
  for (const [index, device] of request.devices.entries()) {
    // Thousands of signatures in one go would stop every other request of this process.
    if (index > 0 && index % SIGNED_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
    const signed = signedRow(signer, now, request, device)
    const row = request.isSecret ? { ...signed, payload: sealPayload(box, signed) } : signed
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

function signedRow(signer: SigningKey, now: Date, request: QueueRequest, device: CommandPlace): SignedRow {
  const id = request.newId()
  const body = 'body' in request ? request.body : request.bodyFor(device)
  const content: CommandPayload = {
    v: PROTOCOL_VERSION,
    commandId: id,
    deviceId: device.id,
    issuedAt: now.toISOString(),
    expiresAt: request.expiresAt.toISOString(),
    body,
  }
  const payload = JSON.stringify(content)
  const { signature } = signer.sign(payload)
  return { id, deviceId: device.id, type: body.type, runSeconds: runSeconds(body), payload, signature }
}

async function insert(
  tx: Tx,
  signer: SigningKey,
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
    signer.id,
    now,
    request.expiresAt,
    rows.map((row) => row.type),
    rows.map((row) => row.runSeconds),
    request.isSecret ?? false,
    request.atOnce ?? null,
    request.isPassing ?? false,
  ])
  if (inserted.length === rows.length) return
  const reached = new Set(inserted.map((row) => row.device_id))
  throw await refusal(
    tx,
    [...new Set(rows.map((row) => row.deviceId))].filter((id) => !reached.has(id)),
  )
}

async function refusal(tx: Tx, missing: readonly string[]): Promise<Error> {
  const seen = await tx.prepared<{ id: string; conditions: string[] }>(
    'why_not_queued',
    'select id, conditions from devices where id = any ($1::uuid[]) and removed_at is null',
    [missing],
  )
  const known = new Set(seen.map((row) => row.id))
  const unseen = missing.find((id) => !known.has(id))
  if (unseen !== undefined) return notFound('device', unseen)
  return blocked(seen)
}

/** Lists to fetch, and a package manager that waits for another. */
const UPDATE_MARGIN_SECONDS = 1800

function runSeconds({ type, args }: CommandBody): number {
  if (type === 'updates.scan') return UPDATE_MARGIN_SECONDS
  if (type === 'updates.install') {
    const scripts = (args.preScript?.timeoutSeconds ?? 0) + (args.postScript?.timeoutSeconds ?? 0)
    return args.timeoutSeconds + scripts + UPDATE_MARGIN_SECONDS
  }
  if (type === 'agent.update') return args.probationSeconds + UPDATE_MARGIN_SECONDS
  // A power command ends when it is scheduled, not when the machine goes down.
  return 'timeoutSeconds' in args ? args.timeoutSeconds : 60
}
