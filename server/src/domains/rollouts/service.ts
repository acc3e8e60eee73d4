/** Changes over many devices, stage by stage. Their state is in the database: a server that starts goes on where one ended. */
import type { Logger } from 'pino'
import type { Permission } from '@breeze/contract/governance'
import type { Caller } from '../../kernel/caller.ts'
import { Batch } from '../../kernel/batch.ts'
import type { CarriedAct, CarriedOn } from '../../kernel/carried-on.ts'
import { query, type Db, type Tx } from '../../kernel/db.ts'
import { conflict, forbidden } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import { finishOperation, keepOpen } from '../../kernel/operations.ts'
import { operationOf, type RunContext, type Target, type TransactionContext } from '../../kernel/tool.ts'
import type { CommandTarget } from '../commands/acting.ts'
import type { Commands } from '../commands/service.ts'
import { deviceNames } from '../devices/names.ts'
import { MOST_DEVICES } from '../devices/select.ts'
import { advance, type Advanced, type AdvanceParts, halt } from './advance.ts'
import { type DeviceMove, type Inverse, irreversible, type RolloutDevice, type RolloutKind } from './kind.ts'
import { isOver, type RolloutPlan } from './machine.ts'
import { principalColumns, principalOf } from './principal.ts'
import { markUndone, requireAtRest, undoRollout } from './roll-back.ts'
import { changeRollout, devicesOf, lockRollout, moveDevices, type Rollout, talliesOf } from './rows.ts'
import { rolloutsOf } from './topics.ts'
import './tables.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    rollouts: Rollouts
  }
}

export interface RolloutsOptions {
  db: Db
  events: Events
  commands: Commands
  now(): Date
  log: Pick<Logger, 'error' | 'info'>
  /** The rights that whoever began it has now; null when the credential is no longer good. */
  rightsOf(principal: Caller, scopes: readonly string[] | null): Promise<Caller | null>
  /** Throws what the gates of a tool have against a caller; answers the permission that it takes at each device. */
  requireMayCarry(caller: Caller, act: Pick<CarriedAct, 'tool' | 'action'>): Permission
  carryOn<T>(
    principal: Caller,
    caller: Caller | null,
    act: CarriedAct,
    work: (tx: Tx) => Promise<T>,
  ): Promise<CarriedOn<T>>
}

export interface NewRollout {
  kind: string
  plan: RolloutPlan
  task: unknown
  startsAt: Date
  giveUpAt: Date
  /** The rollout that it takes back. */
  undoes?: string
  devices: readonly { id: string; organizationId: string; siteId: string; stage: number; detail: unknown }[]
}

const OPEN = 'select id, operation_id from rollouts where finished_at is null and id > $1 order by id limit 500'
const LOWEST = '00000000-0000-0000-0000-000000000000'
const AT_ONCE = 1000

export class Rollouts {
  readonly #options: RolloutsOptions
  readonly #kinds = new Map<string, RolloutKind>()
  /** The same rollout is never advanced twice at once by this process; the row's lock holds between processes. */
  readonly #advances: Batch<string, void>
  /** Rollout → ends the listening for what its commands tell. */
  readonly #heard = new Map<string, () => void>()

  constructor(options: RolloutsOptions) {
    this.#options = options
    this.#advances = new Batch<string, void>({
      windowMs: 20,
      maxItems: 500,
      handle: async (ids) => {
        for (const id of new Set(ids)) await this.#advance(id)
        return ids.map(() => undefined)
      },
    })
  }

  register(name: string, kind: RolloutKind): void {
    this.#kinds.set(name, kind)
  }

  // ---------------------------------------------------------------- for tools, in the caller's transaction

  /** The operation of the act goes on as this rollout; it begins once the transaction is durable. */
  async start(context: RunContext, operationId: string, rollout: NewRollout): Promise<string> {
    const { tx, caller, now, newId } = context
    const id = newId()
    const organizationIds = [...new Set(rollout.devices.map(({ organizationId }) => organizationId))].sort()
    await keepOpen(tx, operationId)
    await tx.run(
      query.insertInto('rollouts').values({
        id,
        partner_id: caller.partnerId,
        organization_ids: organizationIds,
        operation_id: operationId,
        kind: rollout.kind,
        plan: JSON.stringify(rollout.plan),
        task: JSON.stringify(rollout.task),
        ...principalColumns(caller),
        state: 'running',
        starts_at: rollout.startsAt,
        give_up_at: rollout.giveUpAt,
        undoes: rollout.undoes ?? null,
        created_at: now(),
        changed_at: now(),
      }),
    )
    for (let from = 0; from < rollout.devices.length; from += AT_ONCE) {
      await tx.run(
        query.insertInto('rollout_devices').values(
          rollout.devices.slice(from, from + AT_ONCE).map((device) => ({
            rollout_id: id,
            device_id: device.id,
            organization_id: device.organizationId,
            site_id: device.siteId,
            stage: device.stage,
            detail: JSON.stringify(device.detail),
          })),
        ),
      )
    }
    tx.afterCommit(() => {
      this.#listen(id, operationId)
      this.#changed({ operationId, organizationIds })
      this.#soon(id)
    })
    return id
  }

  /** What a rollout does on devices is an act of its own tool, whatever tool takes it over: throws where the caller may not. */
  requireMayTakeOver(caller: Caller, rollout: Pick<Rollout, 'kind' | 'task'>): Permission {
    return this.#options.requireMayCarry(caller, this.#actOf(rollout))
  }

  /** Throws a refusal where nothing takes it back. */
  async inverseOf(
    context: TransactionContext,
    rollout: Rollout,
    given: { secrets: Readonly<Record<string, string>> },
  ): Promise<Inverse> {
    const kind = this.#parts.kindOf(rollout)
    if (kind.inverse) return kind.inverse(context, rollout, given)
    throw irreversible(`What ${kind.tool} did has no inverse.`)
  }

  /** In the transaction of the act whose operation it goes on as. What of the other has not begun never does. */
  async rollBack(
    context: RunContext,
    rollout: Pick<Rollout, 'id' | 'operationId'>,
    inverse: Inverse,
    devices: readonly CommandTarget[],
  ): Promise<void> {
    const { tx, caller, now } = context
    const operation = operationOf(context)
    const locked = await lockRollout(tx, rollout.id)
    if (!locked) throw new Error('a rollout that was looked up is there')
    requireAtRest({ rollout: locked, tallies: await talliesOf(tx, locked) })
    if (!locked.finishedAt) await this.cancel(tx, rollout.operationId, null, `rolled back by ${caller.user.name}`)
    const places = devices.map(({ organizationId }) => organizationId ?? '')
    await inverse.keep(context, operation, [...new Set(places)].sort())
    const id = await this.start(context, operation, undoRollout(inverse, rollout.id, devices, now()))
    const ids = devices.map((device) => device.id)
    await markUndone(tx, rollout.id, id, ids)
  }

  async pause(tx: Tx, id: string, reason: string): Promise<void> {
    const { now, commands } = this.#options
    const rollout = await this.#locked(tx, id)
    if (rollout.state !== 'running' && rollout.state !== 'soaking')
      throw conflict(`It is ${rollout.state}, and begins nothing anyway.`, 'get_operation tells how it stands.')
    await halt(tx, { commands }, rollout, 'paused', reason, now())
    this.#told(tx, rollout)
  }

  /** From now on the act is the caller's. Of one that was stopped, the devices that failed begin again. */
  async resume(tx: Tx, caller: Caller, id: string): Promise<void> {
    const now = this.#options.now()
    const rollout = await this.#locked(tx, id)
    if (rollout.state !== 'paused' && rollout.state !== 'stopped')
      throw conflict(`It is ${rollout.state}: there is nothing to resume.`, 'get_operation tells how it stands.')
    if (rollout.state === 'stopped')
      await tx.run(
        query
          .updateTable('rollout_devices')
          .set({ outcome: null, phase: 'due', due_at: now, reason: null, reason_by_device: false })
          .set({ command_id: null, finished_at: null, phase_since: now })
          .where('rollout_id', '=', id)
          .where('outcome', '=', 'failed')
          .where('phase', '=', 'done'),
      )
    await tx.run(query.updateTable('rollouts').set(principalColumns(caller)).where('id', '=', id))
    await changeRollout(tx, id, { state: 'running', reason: null, soakUntil: null, ...patienceFrom(rollout, now) }, now)
    this.#told(tx, rollout)
  }

  /** What has not begun never does, on all devices or these. Answers how many; null for an operation that is no rollout. */
  async cancel(tx: Tx, operationId: string, deviceIds: readonly string[] | null, by: string): Promise<number | null> {
    const found = await tx.first(query.selectFrom('rollouts').select('id').where('operation_id', '=', operationId))
    if (!found) return null
    const { now } = this.#options
    const rollout = await this.#locked(tx, found.id)
    if (rollout.finishedAt) return 0
    const waiting = [
      ...(await devicesOf(tx, rollout.id, { of: 'unbegun' }, MOST_DEVICES)),
      ...(await devicesOf(tx, rollout.id, { of: 'trailing' }, MOST_DEVICES)),
    ].filter(({ id }) => deviceIds === null || deviceIds.includes(id))
    await moveDevices(
      tx,
      rollout.id,
      waiting.map((device) => cancelled(device, by)),
      now(),
    )
    if (deviceIds === null) {
      await changeRollout(tx, rollout.id, { state: 'cancelled', reason: by }, now())
      const tallies = await talliesOf(tx, rollout)
      if (tallies.every(({ succeeded, failed, working }) => succeeded + failed + working === 0)) {
        await finishOperation(tx, operationId, 'cancelled', now())
        await changeRollout(tx, rollout.id, { finishedAt: now() }, now())
      }
    }
    this.#told(tx, rollout)
    return waiting.length
  }

  async #locked(tx: Tx, id: string): Promise<Rollout> {
    const rollout = await lockRollout(tx, id)
    if (!rollout) throw new Error('a rollout that was looked up is there')
    if (isOver(rollout.state) && rollout.finishedAt)
      throw conflict(`The rollout has ended: ${rollout.state}.`, 'Begin anew what is left.')
    return rollout
  }

  #told(tx: Tx, rollout: Rollout): void {
    tx.afterCommit(() => {
      this.#changed(rollout)
      this.#soon(rollout.id)
    })
  }

  /** For whoever waits for it, and for the pages that show it. */
  #changed({ operationId, organizationIds }: Pick<Rollout, 'operationId' | 'organizationIds'>): void {
    const { events } = this.#options
    events.publish(`operation:${operationId}`)
    for (const id of organizationIds) events.publish(rolloutsOf(id))
  }

  // ---------------------------------------------------------------- the server's own work

  /** Called every moment: looks at everything that goes on. */
  async tick(): Promise<void> {
    for (let after = LOWEST; ;) {
      const rows = await this.#options.db.worker((tx) =>
        tx.prepared<{ id: string; operation_id: string }>('open_rollouts', OPEN, [after]),
      )
      const last = rows.at(-1)
      if (!last) return
      for (const row of rows) this.#listen(row.id, row.operation_id)
      await Promise.all(rows.map(({ id }) => this.#advances.add(id)))
      after = last.id
    }
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.#heard.values()) unsubscribe()
    this.#heard.clear()
    await this.#advances.idle()
  }

  /** What a device told is looked at when it comes, not only at the next tick. */
  #listen(id: string, operationId: string): void {
    if (this.#heard.has(id)) return
    this.#heard.set(
      id,
      this.#options.events.subscribe(`operation:${operationId}`, () => this.#soon(id)),
    )
  }

  #forget(id: string): void {
    this.#heard.get(id)?.()
    this.#heard.delete(id)
  }

  #soon(id: string): void {
    this.#advances.add(id).catch((error: unknown) => this.#options.log.error({ err: error }, 'a rollout failed'))
  }

  /** One that can't go on must not hold up the others. */
  async #advance(id: string): Promise<void> {
    const { db, now, log } = this.#options
    try {
      for (;;) {
        const looked = await db.worker((tx) => advance(tx, this.#parts, id, now()))
        if (looked?.changed) this.#changed(looked.rollout)
        if (!looked || looked.rollout.finishedAt) this.#forget(id)
        if (!looked || looked.due.length === 0 || !(await this.#send(looked))) return
      }
    } catch (error) {
      log.error({ err: error, rollout: id }, 'a rollout could not be advanced')
    }
  }

  get #parts(): AdvanceParts {
    return {
      commands: this.#options.commands,
      kindOf: ({ kind }) => {
        const known = this.#kinds.get(kind)
        if (!known) throw new Error(`nobody carries out rollouts of ${kind}`)
        return known
      },
    }
  }

  #actOf(rollout: Pick<Rollout, 'kind' | 'task'>): Pick<CarriedAct, 'tool' | 'action'> {
    const kind = this.#parts.kindOf(rollout)
    return { tool: kind.tool, action: kind.actionOf?.(rollout) }
  }

  /** Answers whether there may be more. */
  async #send({ rollout, due }: Advanced): Promise<boolean> {
    const { db, now, commands, rightsOf, carryOn } = this.#options
    const principal = principalOf(rollout)
    const caller = await rightsOf(principal, rollout.principal.scopes)
    const kind = this.#parts.kindOf(rollout)
    const act = {
      ...this.#actOf(rollout),
      operation: rollout.operationId,
      targets: await this.#targets(due),
      details: { rollout: rollout.id, stages: [...new Set(due.map(({ stage }) => stageName(rollout, stage)))] },
    }
    const sent = await carryOn(principal, caller, act, (tx) => this.#act(tx, rollout.id, kind, due))
    if (sent.status === 'done') {
      if (sent.value > 0) this.#changed(rollout)
      return sent.value > 0
    }
    await db.worker(async (tx) => {
      const current = await lockRollout(tx, rollout.id)
      if (current?.state !== 'running' && current?.state !== 'soaking') return
      await halt(tx, { commands }, current, 'stopped', sent.denial.reason, now())
    })
    this.#changed(rollout)
    return false
  }

  /** Decided anew under the row's lock: somebody may have paused it since. */
  async #act(tx: Tx, id: string, kind: RolloutKind, expected: readonly RolloutDevice[]): Promise<number> {
    const now = this.#options.now()
    const rollout = await lockRollout(tx, id)
    if (!rollout) throw forbidden('The rollout is no longer within the reach of whoever began it.', 'Begin it anew.')
    if (rollout.state !== 'running' && rollout.state !== 'soaking') return 0
    const ids = new Set(expected.map((device) => device.id))
    const seen = await tx.all(
      query
        .selectFrom('rollout_devices')
        .select('device_id')
        .where('rollout_id', '=', id)
        .where('device_id', 'in', [...ids]),
    )
    if (seen.length < ids.size)
      throw forbidden(
        `${ids.size - seen.length} of its devices are no longer within the reach of whoever began it.`,
        'Begin anew what is left.',
      )
    const due = (await devicesOf(tx, id, { of: 'due', now }, MOST_DEVICES)).filter((device) => ids.has(device.id))
    const moves = await kind.act(tx, rollout, due, now)
    await moveDevices(tx, id, moves, now)
    return moves.length
  }

  async #targets(devices: readonly RolloutDevice[]): Promise<Target[]> {
    const ids = devices.map(({ id }) => id)
    const names = await this.#options.db.worker((tx) => deviceNames(tx, ids))
    return devices.map(({ id, organizationId, siteId }) => {
      return { kind: 'device', id, name: names.get(id) ?? id, organizationId, siteId }
    })
  }
}

/** Devices of the stage are waited for anew: what was paused for a day has not been tried for a day. */
function patienceFrom({ stage, plan, patienceUntil }: Rollout, now: Date): { patienceUntil?: Date } {
  if (stage === null) return {}
  const anew = new Date(now.getTime() + plan.patienceHours * 3_600_000)
  return { patienceUntil: patienceUntil && patienceUntil > anew ? patienceUntil : anew }
}

function cancelled(device: RolloutDevice, by: string): DeviceMove {
  const base = { deviceId: device.id, phase: 'done', dueAt: null, reason: { text: by, byDevice: false } }
  return device.outcome === null ? { ...base, outcome: 'cancelled' } : base
}

const stageName = ({ plan }: Rollout, stage: number): string => plan.stages[stage]?.name ?? String(stage)
