/**
 * Lets in what a second person approved. The decision is durable before this begins; the act takes the operation's row out of
 * its waiting state in its own transaction, so that a crash at any point leaves either a call that still waits, and is found
 * again, or one that ran.
 */
import { SURFACES, type Surface } from '@breeze/contract/governance'
import type { Selectable } from 'kysely'
import { approvalPurpose, type ApprovalsTable, type Sealer } from './approvals.ts'
import type { AuditAppender } from './audit/appender.ts'
import type { Draft } from './audit/entry.ts'
import type { Caller, Credential } from './caller.ts'
import { maskText } from './content/secrets.ts'
import type { Environment } from './context.ts'
import { query, type Db } from './db.ts'
import type { Door } from './door.ts'
import type { Events } from './events.ts'
import { fault } from './faults.ts'
import type { Outcome } from './kernel.ts'
import type { Tasks } from './tasks.ts'

/** The credential an act was stored under, and what its token held then. */
export interface StoredCaller {
  credential: Credential
  userId: string
  scopes: readonly string[] | null
  channel: Caller['channel']
  client: string | null
  ip: string | null
}

export interface ReleasesParts {
  db: Db
  door: Pick<Door, 'release'>
  sealer: Sealer
  tasks: Pick<Tasks, 'answered'>
  audit: AuditAppender
  events: Events
  environment: Environment
  /** With the rights of now; null when the credential or its user may nothing any more. */
  callerOf(stored: StoredCaller): Promise<Caller | null>
  failed(error: unknown): void
}

type Approval = Selectable<ApprovalsTable>

/** Another node may be at it: it is left alone for so long. */
const OWN_MS = 60_000
const LONGEST_TEXT = 2000
/** Worth another try, as long as the approval lasts. */
const PASSING = new Set(['unavailable', 'rate_limited'])

export class Releases {
  readonly #parts: ReleasesParts
  readonly #running = new Map<string, Promise<void>>()

  constructor(parts: ReleasesParts) {
    this.#parts = parts
  }

  /** Begins it, and resolves once the call runs or was refused; its own end is not waited for. */
  async begin(operation: string): Promise<void> {
    await new Promise<void>((resolve) => {
      const ended = this.#running.get(operation) ?? this.#release(operation, resolve)
      this.#running.set(operation, ended)
      void ended.finally(() => {
        this.#running.delete(operation)
        resolve()
      })
    })
  }

  /** What a stop of the server or a passing trouble left undone. `own`: no other node can be at it. */
  async sweep(own = false): Promise<void> {
    const { db, environment } = this.#parts
    const now = environment.now()
    await db.workerStatement('approvals_expire', EXPIRE, [now])
    await db.workerStatement('approvals_ran', RAN, [now])
    await db.workerStatement('approvals_forget', FORGET, [])
    const before = new Date(now.getTime() - (own ? 0 : OWN_MS))
    const left = await db.worker((tx) => tx.prepared<{ id: string }>('approvals_left', LEFT, [before]))
    for (const { id } of left) await this.begin(id)
  }

  async idle(): Promise<void> {
    await Promise.all(this.#running.values())
  }

  async #release(operation: string, running: () => void): Promise<void> {
    const { environment, events } = this.#parts
    try {
      const approval = await this.#read(operation)
      if (!approval) return
      const outcome = await this.#run(approval, () => {
        fault('approval.released')
        running()
      })
      if (outcome) await this.#record(operation, outcome, environment.now())
      fault('approval.recorded')
    } catch (error) {
      // It still waits, and the next sweep finds it.
      this.#parts.failed(error)
    } finally {
      events.publish('approvals')
    }
  }

  #read(operation: string): Promise<Approval | undefined> {
    return this.#parts.db.worker((tx) =>
      tx.first(
        query
          .selectFrom('approvals')
          .selectAll()
          .where('operation_id', '=', operation)
          .where('decision', '=', 'approved')
          .where('released_at', 'is', null),
      ),
    )
  }

  async #run(approval: Approval, committed: () => void): Promise<Outcome | null> {
    const { db, door, sealer, callerOf } = this.#parts
    const operation = approval.operation_id
    const row = await db.worker((tx) =>
      tx.first(query.selectFrom('operations').select(['tool', 'tier', 'action']).where('id', '=', operation)),
    )
    if (!row) return null
    const caller = await callerOf(storedCaller(approval))
    if (!caller) return this.#refused(approval, row)
    const input: unknown = JSON.parse(sealer.open(approval.input, approvalPurpose(operation)).toString())
    return door.release(caller, row.tool, input, surfaceOf(approval.channel), {
      operation,
      decision: decisionOf(approval),
      committed,
    })
  }

  /** Nobody is left to call as; the audit is told all the same. */
  async #refused(approval: Approval, call: { tool: string; tier: number; action: string | null }): Promise<Outcome> {
    const denial = {
      code: 'unauthenticated' as const,
      reason:
        'The credential that asked for this was revoked, has ended, is not good any more for the address it was asked from, or its user may no longer sign in.',
      remedy: 'Ask for it again with a valid credential.',
    }
    const drafts = refusalDrafts(approval, call, denial, this.#parts.environment)
    const [entry = ''] = await Promise.all(drafts.map((draft) => this.#parts.audit.append(draft)))
    return { status: 'refused', denial, auditEntry: entry }
  }

  async #record(operation: string, outcome: Outcome, now: Date): Promise<void> {
    const code = 'denial' in outcome ? outcome.denial.code : null
    if (code !== null && PASSING.has(code)) return
    const text = 'denial' in outcome ? `${outcome.denial.reason} ${outcome.denial.remedy}` : outcome.text
    await this.#parts.db.worker(async (tx) => {
      const waits = query.updateTable('operations').set({ state: 'failed', finished_at: now })
      // Where the act did not commit, nothing of it happened; where it did, the operation tells how it goes.
      const ended =
        code === null ? 0 : await tx.run(waits.where('id', '=', operation).where('state', '=', 'awaiting_approval'))
      if (code !== null && ended === 0 && outcome.status === 'refused') return
      const said = { release_code: code ?? 'done', release_text: maskText(text).slice(0, LONGEST_TEXT) }
      const update = query.updateTable('approvals').set({ released_at: now, ...said })
      await tx.run(update.where('operation_id', '=', operation).where('released_at', 'is', null))
      await this.#parts.tasks.answered(tx, operation, outcome)
    })
  }
}

const storedCaller = (approval: Approval): StoredCaller => ({
  credential: { kind: approval.credential_kind, id: approval.credential_id, name: approval.credential_name },
  userId: approval.user_id,
  scopes: approval.scopes,
  channel: approval.channel,
  client: approval.client,
  ip: approval.ip,
})

const surfaceOf = (channel: Caller['channel']): Surface => SURFACES.find((surface) => surface === channel) ?? 'rest'

const decisionOf = (approval: Approval) => ({
  requested_by: approval.user_name,
  approved_by: approval.decided_by_name,
  approved_by_id: approval.decided_by,
  approved_at: approval.decided_at?.toISOString(),
  reason: approval.decision_reason,
})

function refusalDrafts(
  approval: Approval,
  call: { tool: string; tier: number; action: string | null },
  denial: { code: string; reason: string },
  environment: Environment,
): Draft[] {
  const draft: Draft = {
    kind: 'outcome',
    at: environment.now(),
    partnerId: approval.partner_id,
    organizationId: null,
    callId: environment.newId(),
    actor: { userId: approval.user_id, name: approval.user_name },
    credential: { kind: approval.credential_kind, id: approval.credential_id, name: approval.credential_name },
    channel: approval.channel,
    client: approval.client,
    ip: approval.ip,
    tool: call.tool,
    action: call.action,
    tier: call.tier,
    decision: 'denied',
    outcome: null,
    code: denial.code,
    reason: denial.reason,
    durationMs: null,
    details: { operation: approval.operation_id, approval: decisionOf(approval) },
    input: null,
  }
  const [only, another] = approval.organization_ids
  if (another === undefined) return [{ ...draft, organizationId: only ?? null }]
  return [draft, ...approval.organization_ids.map((organizationId) => ({ ...draft, organizationId }))]
}

/** Nobody decided in time. */
const EXPIRE = `with late as (
    select o.id from operations o join approvals a on a.operation_id = o.id
    where o.state = 'awaiting_approval' and a.decision is null and a.expires_at <= $1
    order by o.id limit 500 for no key update of o)
  update operations o set state = 'expired', finished_at = $1 from late where o.id = late.id and o.state = 'awaiting_approval'`

/** The act committed, and the server stopped before this was written down; or it was cancelled before it could run. */
const RAN = `update approvals a set released_at = $1::timestamptz, release_code = case when o.started_at is null then 'cancelled' else 'done' end
  from operations o where o.id = a.operation_id and a.decision = 'approved' and a.released_at is null
    and o.state <> 'awaiting_approval' and a.decided_at < $1::timestamptz - interval '60 seconds'`

/** Nothing reads the exact input any more; people have the masked one. */
const FORGET = `update approvals a set input = ''::bytea from operations o
  where o.id = a.operation_id and a.input <> ''::bytea and o.state <> 'awaiting_approval'`

const LEFT = `select a.operation_id as id from approvals a join operations o on o.id = a.operation_id
  where a.decision = 'approved' and a.released_at is null and o.state = 'awaiting_approval' and a.decided_at <= $1
  order by a.decided_at limit 100`
