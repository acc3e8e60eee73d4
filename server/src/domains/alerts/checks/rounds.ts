/** Scripts of rules, run on their devices again and again: a few with each round, each round an act of whoever made the rule. */
import { capabilitiesOf } from '@breeze/contract/agent-commands'
import type { Denial } from '@breeze/contract/governance'
import type { Logger } from 'pino'
import type { Caller } from '../../../kernel/caller.ts'
import type { CarriedAct, CarriedOn } from '../../../kernel/carried-on.ts'
import type { Db, Tx } from '../../../kernel/db.ts'
import { forbidden } from '../../../kernel/errors.ts'
import type { Commands } from '../../commands/service.ts'
import { incapable } from '../../devices/capabilities.ts'
import { type DeviceTarget, targetsByFilter } from '../../devices/find.ts'
import { placeOf } from '../../devices/select.ts'
import type { WatchedDevice } from '../../devices/watched-devices.ts'
import { archivedAt } from '../../scripts/library.ts'
import type { AlertEngine } from '../engine/engine.ts'
import type { RuleOf } from '../rule-rows.ts'
import {
  beginChecks,
  type Check,
  checksUnderWay,
  dueDevices,
  haltRule,
  holdRule,
  readCheck,
  settleChecks,
} from './rows.ts'
import { judge, lastLines } from './verdict.ts'

const ROUND_MS = 30_000
const MOST_AT_ONCE = 100
/** A device that is there and does not begin by then was busy or went away. */
const BEGINS_WITHIN_MS = 120_000
/** Of an output, this end is looked at. */
const LOOKED_AT_CHARACTERS = 64_000

/** With these, whoever made the rule can't go on with it; others pass by themselves. */
const ENDING: ReadonlySet<Denial['code']> = new Set([
  'unauthenticated',
  'forbidden',
  'insufficient_scope',
  'not_allow_listed',
  'execute_admin_required',
  'blocked',
])

type CheckRule = RuleOf<'script_check'>

export interface ScriptChecksOptions {
  db: Db
  commands: Commands
  engine: Pick<AlertEngine, 'watched' | 'derived'>
  now(): Date
  newId(): string
  log: Pick<Logger, 'error'>
  /** The rights that whoever made the rule has now; null when the credential is no longer good. */
  rightsOf(principal: Caller, scopes: readonly string[] | null): Promise<Caller | null>
  carryOn<T>(
    principal: Caller,
    caller: Caller | null,
    act: CarriedAct,
    work: (tx: Tx) => Promise<T>,
  ): Promise<CarriedOn<T>>
}

declare module '../../../kernel/services.ts' {
  interface Services {
    scriptChecks: ScriptChecks
  }
}

export class ScriptChecks {
  readonly #options: ScriptChecksOptions
  readonly #lastRound = new Map<string, number>()
  #running: Promise<void> = Promise.resolve()

  constructor(options: ScriptChecksOptions) {
    this.#options = options
  }

  /** Takes in what has ended and begins what is due at `at`. One at a time, whoever calls. */
  tick(at = this.#options.now()): Promise<void> {
    const next = this.#running.then(() => this.#tick(at))
    this.#running = next.catch(() => undefined)
    return next
  }

  async #tick(at: Date): Promise<void> {
    await this.#takeIn()
    const watched = this.#options.engine.watched('script_check')
    const ids = new Set([...watched.keys()].map(({ id }) => id))
    for (const id of this.#lastRound.keys()) if (!ids.has(id)) this.#lastRound.delete(id)
    for (const [rule, devices] of watched) {
      if (at.getTime() - (this.#lastRound.get(rule.id) ?? 0) < ROUND_MS) continue
      this.#lastRound.set(rule.id, at.getTime())
      // One that can't go on must not hold up the others.
      await this.#round(rule, devices, at).catch((error: unknown) =>
        this.#options.log.error({ err: error, rule: rule.id }, 'a round of checks failed'),
      )
    }
  }

  async #takeIn(): Promise<void> {
    const { db, commands, engine, now } = this.#options
    const judged = await db.worker(async (tx) => {
      const underWay = await checksUnderWay(tx)
      const ids = underWay.map((row) => row.command_id)
      const ended = new Map((await commands.endedScripts(tx, ids, LOOKED_AT_CHARACTERS)).map((one) => [one.id, one]))
      const settled = underWay.flatMap(({ rule_id: ruleId, device_id: deviceId, command_id: id, condition }) => {
        const end = ended.get(id)
        if (!end) return []
        return [{ ruleId, deviceId, ...judge(condition, end), exitCode: end.exitCode, output: lastLines(end.output) }]
      })
      await settleChecks(tx, settled, now())
      return settled
    })
    if (judged.length > 0) engine.derived(['script_check'], [...new Set(judged.map(({ deviceId }) => deviceId))])
  }

  async #round(rule: CheckRule, devices: readonly WatchedDevice[], at: Date): Promise<void> {
    const { db, rightsOf } = this.#options
    const intervalMs = rule.condition.interval_minutes * 60_000
    // As many with each round as are done within one interval.
    const most = Math.min(MOST_AT_ONCE, Math.ceil((devices.length * ROUND_MS) / intervalMs))
    const found = await db.worker(async (tx) => {
      const check = await readCheck(tx, rule)
      if (!check) return null
      const { script } = rule.condition
      if (script && (await archivedAt(tx, script.id))) return `The script "${script.name}" was archived.`
      const among = devices.filter(({ platform }) => check.os.length === 0 || check.os.includes(platform))
      const ids = await dueDevices(
        tx,
        rule.id,
        among.map(({ id }) => id),
        at,
        most,
      )
      if (ids.length === 0) return null
      const { targets } = await targetsByFilter(tx, { ids, trusted: true }, MOST_AT_ONCE)
      const unable = await incapable(tx, ids, capabilitiesOf(check.body))
      return { check, targets, unable }
    })
    if (typeof found === 'string') return this.#halt(rule, found)
    if (!found || found.targets.length === 0) return
    const { check, targets, unable } = found
    const dueAt = new Date(at.getTime() + intervalMs)
    const lacking = targets.filter(({ id }) => unable.has(id))
    await this.#without(rule, lacking, dueAt, 'the device can not run it')
    const caller = await rightsOf(check.principal, check.scopes)
    const able = targets.filter(({ id }) => !unable.has(id))
    // A stop of one organization holds up no other.
    for (const own of Map.groupBy(able, ({ organizationId }) => organizationId).values())
      if (!(await this.#send(rule, check, caller, own, dueAt))) return
  }

  /** Answers whether the rule goes on. */
  async #send(
    rule: CheckRule,
    check: Check,
    caller: Caller | null,
    targets: readonly DeviceTarget[],
    dueAt: Date,
  ): Promise<boolean> {
    const act = {
      tool: 'manage_script_checks',
      // Each of its actions lets the rounds go on; this one does nothing else.
      action: 'enable',
      operation: check.operation,
      targets,
      details: { alert_rule: rule.id, name: rule.name, script: rule.condition.digest },
    }
    const sent = await this.#options.carryOn(check.principal, caller, act, (tx) =>
      this.#act(tx, rule, check, targets, dueAt),
    )
    if (sent.status === 'done') {
      const unseen = targets.filter(({ id }) => !sent.value.has(id))
      await this.#without(rule, unseen, dueAt, 'it is out of reach of whoever made the rule')
      return true
    }
    const { code, reason } = sent.denial
    if (ENDING.has(code)) await this.#halt(rule, reason)
    else await this.#without(rule, targets, dueAt, code === 'emergency_stop' ? 'an emergency stop is in force' : reason)
    return !ENDING.has(code)
  }

  /** With the rights of whoever made the rule. Answers which devices were sent it. */
  async #act(
    tx: Tx,
    rule: CheckRule,
    { operation, body }: Check,
    targets: readonly DeviceTarget[],
    dueAt: Date,
  ): Promise<ReadonlySet<string>> {
    const { commands, now, newId } = this.#options
    if (!(await holdRule(tx, rule)))
      throw forbidden('The rule is no longer within the reach of whoever made it.', AGAIN)
    const ids = targets.map(({ id }) => id)
    const { targets: seen } = await targetsByFilter(tx, { ids, trusted: true }, MOST_AT_ONCE)
    if (seen.length === 0)
      throw forbidden('Its devices are no longer within the reach of whoever made the rule.', AGAIN)
    const queued = await commands.queue(tx, now(), {
      operationId: operation,
      devices: seen.map(placeOf),
      body,
      expiresAt: new Date(now().getTime() + BEGINS_WITHIN_MS),
      isPassing: true,
      newId,
    })
    const commandOf = new Map(queued.map(({ id, deviceId }) => [deviceId, id]))
    const begun = seen.map((device) => ({ ...device, commandId: commandOf.get(device.id) ?? null }))
    await beginChecks(tx, rule.id, begun, dueAt)
    return new Set(begun.map(({ id }) => id))
  }

  /** Of these nothing can be said, until they are due again. */
  async #without(rule: CheckRule, devices: readonly DeviceTarget[], dueAt: Date, reason: string): Promise<void> {
    if (devices.length === 0) return
    const { db, engine, now } = this.#options
    await db.worker(async (tx) => {
      await beginChecks(
        tx,
        rule.id,
        devices.map((device) => ({ ...device, commandId: null })),
        dueAt,
      )
      const settled = devices.map(({ id }) => {
        const told = { verdict: 'no_data' as const, reason, exitCode: null, output: null }
        return { ruleId: rule.id, deviceId: id, ...told }
      })
      await settleChecks(tx, settled, now())
    })
    engine.derived(
      ['script_check'],
      devices.map(({ id }) => id),
    )
  }

  async #halt(rule: CheckRule, reason: string): Promise<void> {
    const { db, engine } = this.#options
    await db.worker((tx) => haltRule(tx, rule, reason))
    const devices = [...engine.watched('script_check')].find(([{ id }]) => id === rule.id)?.[1] ?? []
    engine.derived(
      ['script_check'],
      devices.map(({ id }) => id),
    )
  }
}

const AGAIN = 'Somebody who may run scripts there can take it up with manage_script_checks, enable.'
