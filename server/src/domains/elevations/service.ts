/** Scopes that people granted to a key or a grant for a while: written, listed, ended, and told to the audit when they end. */
import { sql, type Selectable } from 'kysely'
import { endedCredentials } from '../../identity/ended-credentials.ts'
import '../../kernel/approvals.ts'
import type { AuditAppender } from '../../kernel/audit/appender.ts'
import type { Caller } from '../../kernel/caller.ts'
import type { Environment } from '../../kernel/context.ts'
import { query, type Db, type Tx } from '../../kernel/db.ts'
import type { Events } from '../../kernel/events.ts'
import type { ElevationsTable, Ending } from './tables.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    elevations: Elevations
  }
}

export type Elevation = Selectable<ElevationsTable>

export interface NewElevation {
  id: string
  caller: Caller
  organizationId: string
  scope: string
  minutes: number
  reason: string
  operation: string
  now: Date
}

/** Of an approved request only; answers until when it holds. A defect of the kernel if nobody approved it. */
export async function grant(tx: Tx, asked: NewElevation): Promise<Date> {
  const { caller, now, operation } = asked
  const approval = await tx.first(
    query
      .selectFrom('approvals')
      .select(['decision', 'decided_by', 'decided_by_name'])
      .where('operation_id', '=', operation),
  )
  if (approval?.decision !== 'approved' || approval.decided_by === null)
    throw new Error('nobody approved this elevation')
  const endsAt = new Date(now.getTime() + asked.minutes * 60_000)
  await tx.run(
    query.insertInto('elevations').values({
      id: asked.id,
      partner_id: caller.partnerId,
      organization_id: asked.organizationId,
      credential_kind: caller.credential.kind,
      credential_id: caller.credential.id,
      credential_name: caller.credential.name,
      user_id: caller.user.id,
      user_name: caller.user.name,
      scope: asked.scope,
      minutes: asked.minutes,
      reason: asked.reason,
      operation_id: operation,
      granted_by: approval.decided_by,
      granted_by_name: approval.decided_by_name ?? '',
      started_at: now,
      ends_at: endsAt,
    }),
  )
  return endsAt
}

export const isInForce = (elevation: Pick<Elevation, 'ended_at' | 'ends_at'>, now: Date): boolean =>
  elevation.ended_at === null && elevation.ends_at > now

export interface ElevationFilter {
  organizationIds: readonly string[]
  credentialId?: string | undefined
  /** Only those in force. */
  inForce: boolean
}

const NONE = '00000000-0000-0000-0000-000000000000'

/** Latest first. */
export async function listElevations(tx: Tx, filter: ElevationFilter, now: Date, limit: number): Promise<Elevation[]> {
  let select = query
    .selectFrom('elevations')
    .selectAll()
    .where('organization_id', 'in', filter.organizationIds.length > 0 ? [...filter.organizationIds] : [NONE])
    .orderBy('started_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
  if (filter.credentialId !== undefined) select = select.where('credential_id', '=', filter.credentialId)
  if (filter.inForce) select = select.where('ended_at', 'is', null).where('ends_at', '>', now)
  return tx.all(select)
}

export function findElevation(tx: Tx, id: string): Promise<Elevation | undefined> {
  return tx.first(query.selectFrom('elevations').selectAll().where('id', '=', id.toLowerCase()))
}

export interface Ended {
  ids?: readonly string[]
  credentialId?: string
  organizationId?: string
  because: Exclude<Ending, 'time'>
  by: { id: string; name: string } | null
}

/** Of those that the transaction sees and that still hold; answers how many. */
export function endElevations(tx: Tx, { because, by, ...which }: Ended, now: Date): Promise<number> {
  let update = query
    .updateTable('elevations')
    .set({ ended_at: now, ended_because: because, ended_by: by?.id ?? null, ended_by_name: by?.name ?? null })
    .where('ended_at', 'is', null)
  if (which.ids) update = update.where('id', 'in', [...which.ids])
  if (which.credentialId !== undefined) update = update.where('credential_id', '=', which.credentialId)
  if (which.organizationId !== undefined) update = update.where('organization_id', '=', which.organizationId)
  return tx.run(update)
}

export interface ElevationsParts {
  db: Db
  audit: AuditAppender
  events: Events
  environment: Environment
}

const LATE = `update elevations set ended_at = ends_at, ended_because = 'time' where ended_at is null and ends_at <= $1`
const MOST = 200

export class Elevations {
  readonly #parts: ElevationsParts
  #sweeping: Promise<void> | undefined

  constructor(parts: ElevationsParts) {
    this.#parts = parts
  }

  /** None holds beyond its end anyway; here it is written down, told to the audit and to clients that listen. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined
    })
    return this.#sweeping
  }

  async #sweep(): Promise<void> {
    const { db, environment, events } = this.#parts
    const now = environment.now()
    await db.workerStatement('elevations_late', LATE, [now])
    await this.#endWithCredential(now)
    const ended = await db.worker((tx) =>
      tx.all(
        query
          .selectFrom('elevations')
          .selectAll()
          .where('told_at', 'is', null)
          .where('ended_at', 'is not', null)
          .orderBy('id')
          .limit(MOST),
      ),
    )
    for (const elevation of ended) await this.#tell(elevation, now)
    if (ended.length > 0) events.publish('administration')
  }

  async #endWithCredential(now: Date): Promise<void> {
    const { db } = this.#parts
    const open = await db.worker((tx) =>
      tx.all(
        query.selectFrom('elevations').select('credential_id').distinct().where('ended_at', 'is', null).limit(1000),
      ),
    )
    const gone = await endedCredentials(
      db,
      open.map((row) => row.credential_id),
    )
    for (const credentialId of gone) {
      await db.worker((tx) => endElevations(tx, { credentialId, because: 'credential', by: null }, now))
    }
  }

  /** Told once or, after a crash in between, twice; never not at all. */
  async #tell(elevation: Elevation, now: Date): Promise<void> {
    const { audit, db, environment } = this.#parts
    await audit.append({
      kind: 'system',
      at: now,
      partnerId: elevation.partner_id,
      organizationId: elevation.organization_id,
      callId: null,
      actor: { userId: elevation.user_id, name: elevation.user_name },
      credential: { kind: elevation.credential_kind, id: elevation.credential_id, name: elevation.credential_name },
      channel: 'system',
      client: null,
      ip: null,
      tool: null,
      action: 'elevation_ended',
      tier: null,
      decision: null,
      outcome: null,
      code: null,
      reason: endingText(elevation),
      durationMs: null,
      details: {
        elevations: [{ id: elevation.id, scope: elevation.scope }],
        ended_because: elevation.ended_because,
        ended_by: elevation.ended_by_name,
        ended_at: elevation.ended_at?.toISOString(),
      },
      input: null,
    })
    const told = query.updateTable('elevations').set({ told_at: environment.now() })
    await db.worker((tx) => tx.run(told.where('id', '=', elevation.id).where(sql<boolean>`told_at is null`)))
  }
}

export function endingText({ scope, ended_because: because, ended_by_name: by }: Elevation): string {
  if (because === 'time') return `The time of ${scope} was over.`
  if (because === 'credential') return `The credential that held ${scope} for a while opens nothing any more.`
  return because === 'emergency_stop' ? `An emergency stop ended ${scope}.` : `${by ?? 'Somebody'} ended ${scope}.`
}
