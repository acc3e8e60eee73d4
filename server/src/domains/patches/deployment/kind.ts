/** Deployments of patches as the rollout guard carries them out: windows, commands, and what devices told of both. */
import type { CommandBody } from '@breeze/contract/agent-commands'
import { query, type Tx } from '../../../kernel/db.ts'
import type { EndedCommand } from '../../commands/reads.ts'
import type { Commands } from '../../commands/service.ts'
import { dataOf } from '../../commands/data.ts'
import type { DeviceOpenings, Maintenance } from '../../maintenance/service.ts'
import {
  type DeviceMove,
  irreversible,
  RECALLED,
  type RolloutDevice,
  type RolloutFacts,
  type RolloutKind,
} from '../../rollouts/kind.ts'
import { type Ended, follow, type Follow, type Seen } from './device-machine.ts'
import { deploymentTask, type DeploymentTask, type DeviceDetail, deviceDetail } from './task.ts'

export const DEPLOYMENT = 'patches'
/** A command that is not taken on by then is sent anew. */
const TAKEN_ON_MS = 15 * 60_000
const REBOOT_DELAY_SECONDS = 60

export interface DeploymentsOptions {
  commands: Commands
  maintenance: Maintenance
  newId(): string
}

interface Sending {
  device: RolloutDevice
  detail: DeviceDetail
  body: CommandBody
}

export class Deployments implements RolloutKind {
  readonly tool = 'deploy_patches'
  readonly #options: DeploymentsOptions

  constructor(options: DeploymentsOptions) {
    this.#options = options
  }

  async inverse(): Promise<never> {
    throw irreversible(
      'Installed updates have no inverse: package managers have no safe way back, and a restart has happened.',
    )
  }

  async begin(tx: Tx, rollout: RolloutFacts, devices: readonly RolloutDevice[], now: Date): Promise<DeviceMove[]> {
    const task = deploymentTask.parse(rollout.task)
    const openings = await this.#openings(tx, task, devices, now)
    return devices.map(({ id }) => {
      const at = beginsAt(task, openings.get(id), now)
      return at === null ? passedOver(id, 'no maintenance window covers it') : { deviceId: id, phase: 'due', dueAt: at }
    })
  }

  async act(tx: Tx, rollout: RolloutFacts, devices: readonly RolloutDevice[], now: Date): Promise<DeviceMove[]> {
    const task = deploymentTask.parse(rollout.task)
    const openings = await this.#openings(tx, task, devices, now)
    const missed: DeviceMove[] = []
    const sending: Sending[] = []
    const boots = await bootsOf(tx, devices)
    for (const device of devices) {
      const later = this.#missed(task, device, openings.get(device.id), now)
      if (later) missed.push(later)
      else sending.push(sendingOf(task, device, boots.get(device.id)?.bootId ?? null))
    }
    return [...missed, ...(await this.#send(tx, rollout, sending, now))]
  }

  async observe(tx: Tx, rollout: RolloutFacts, devices: readonly RolloutDevice[], now: Date): Promise<DeviceMove[]> {
    const task = deploymentTask.parse(rollout.task)
    const ids = devices.flatMap(({ commandId }) => commandId ?? [])
    const ended = new Map((await this.#options.commands.ended(tx, ids)).map((command) => [command.id, command]))
    const boots = await bootsOf(tx, devices)
    const reports = await reportsOf(
      tx,
      devices.filter(({ phase }) => phase === 'checking'),
    )
    const moves: DeviceMove[] = []
    const scans: Sending[] = []
    for (const device of devices) {
      const detail = deviceDetail.parse(device.detail)
      const command = ended.get(device.commandId ?? '')
      const boot = boots.get(device.id)
      const seen: Seen = {
        now,
        command: command ? endOf(command) : null,
        pending: command ? pendingOf(command, reports.get(device.id)) : null,
        isOnline: boot?.isOnline ?? false,
        bootId: boot?.bootId ?? null,
      }
      const work = { phase: device.phase, phaseSince: device.phaseSince ?? now, outcome: device.outcome, detail }
      const next = follow(work, seen, task)
      if (!next) continue
      const whole = { ...detail, ...next.detail }
      if (next.send === 'scan') {
        const body: CommandBody = { type: 'updates.scan', args: { refreshLists: false } }
        scans.push({ device: { ...device, phase: next.phase }, detail: whole, body })
      } else moves.push(await this.#moveOf(tx, device, next, whole, task, now))
    }
    return [...moves, ...(await this.#send(tx, rollout, scans, now))]
  }

  async #moveOf(
    tx: Tx,
    { id }: RolloutDevice,
    next: Follow,
    detail: DeviceDetail,
    task: DeploymentTask,
    now: Date,
  ): Promise<DeviceMove> {
    const base = {
      deviceId: id,
      commandId: null,
      detail,
      ...(next.outcome && { outcome: next.outcome }),
      ...(next.reason && { reason: next.reason }),
    }
    if (next.send === 'act') return { ...base, phase: next.phase, dueAt: now }
    if (next.send !== 'act_at_reboot_time') return { ...base, phase: next.phase, dueAt: null }
    const dueAt = await this.#rebootTime(tx, id, task, now)
    if (dueAt) return { ...base, phase: next.phase, dueAt }
    const reason = { text: 'installed; not restarted, because no maintenance window covers it', byDevice: false }
    return { ...base, phase: 'done', dueAt: null, reason: next.reason ?? reason }
  }

  async #rebootTime(tx: Tx, id: string, { reboot }: DeploymentTask, now: Date): Promise<Date | null> {
    if (reboot.at !== 'next_window') return reboot.at === 'after_install' ? now : new Date(reboot.at)
    const openings = await this.#options.maintenance.openings(tx, [id], now)
    return openings.get(id)?.next?.from ?? null
  }

  async #openings(tx: Tx, task: DeploymentTask, devices: readonly RolloutDevice[], now: Date) {
    if (task.windows === 'ignore' && task.reboot.at !== 'next_window') return new Map<string, DeviceOpenings>()
    const ids = devices.map(({ id }) => id)
    return this.#options.maintenance.openings(tx, ids, now)
  }

  /** Null: it may begin now. */
  #missed(
    task: DeploymentTask,
    { id, phase }: RolloutDevice,
    openings: DeviceOpenings | undefined,
    now: Date,
  ): DeviceMove | null {
    const needsWindow = phase === 'due' ? task.windows !== 'ignore' : task.reboot.at === 'next_window'
    if (!needsWindow || !openings || openings.now) return null
    if (openings.next === null)
      return phase === 'due' && task.windows === 'require' ? passedOver(id, 'no maintenance window covers it') : null
    if (phase === 'due' && !task.catchUp) return passedOver(id, 'it was away while its maintenance window was open')
    const reason = {
      text: `it was away in its maintenance window; the next opens ${openings.next.from.toISOString()}`,
      byDevice: false,
    }
    return { deviceId: id, phase, dueAt: openings.next.from, ...(now < openings.next.from && { reason }) }
  }

  async #send(tx: Tx, { operationId }: RolloutFacts, sending: readonly Sending[], now: Date): Promise<DeviceMove[]> {
    if (sending.length === 0) return []
    const bodies = new Map(sending.map(({ device, body }) => [device.id, body]))
    const queued = await this.#options.commands.queue(tx, now, {
      operationId,
      devices: sending.map(({ device }) => device),
      bodyFor: ({ id }) => {
        const body = bodies.get(id)
        if (!body) throw new Error('every device is sent what is meant for it')
        return body
      },
      expiresAt: new Date(now.getTime() + TAKEN_ON_MS),
      newId: this.#options.newId,
    })
    const commandOf = new Map(queued.map(({ id, deviceId }) => [deviceId, id]))
    return sending.map(({ device, detail }) => ({
      deviceId: device.id,
      phase: device.phase,
      dueAt: null,
      commandId: commandOf.get(device.id) ?? null,
      reason: null,
      detail,
    }))
  }
}

const passedOver = (deviceId: string, text: string): DeviceMove => ({
  deviceId,
  phase: 'done',
  outcome: 'passed_over',
  reason: { text, byDevice: false },
  dueAt: null,
})

function beginsAt({ windows }: DeploymentTask, openings: DeviceOpenings | undefined, now: Date): Date | null {
  if (windows === 'ignore' || openings?.now) return now
  if (openings?.next) return openings.next.from
  return windows === 'require' ? null : now
}

function sendingOf(task: DeploymentTask, device: RolloutDevice, bootId: string | null): Sending {
  const detail = deviceDetail.parse(device.detail)
  if (device.phase !== 'due') {
    const args = { delaySeconds: REBOOT_DELAY_SECONDS, reason: 'Updates were installed.' }
    return {
      device: { ...device, phase: 'rebooting' },
      detail: { ...detail, bootId },
      body: { type: 'power.reboot', args },
    }
  }
  const { timeoutSeconds, preScript, postScript } = task
  const scripts = { ...(preScript && { preScript }), ...(postScript && { postScript }) }
  return {
    device: { ...device, phase: 'installing' },
    detail,
    body: { type: 'updates.install', args: { updates: detail.updates, timeoutSeconds, ...scripts } },
  }
}

function endOf(command: EndedCommand): Ended {
  const data = dataOf(command, 'updates.install')
  return {
    state: command.state,
    reason: command.reason,
    byDevice: command.resultAt !== null,
    recalled: command.state === 'cancelled' && command.resultAt === null && command.reason === RECALLED,
    results:
      data?.results.map(({ name, state, reason }) => ({ name, state, ...(reason !== undefined && { reason }) })) ??
      null,
    rebootPending: data?.rebootPending ?? null,
  }
}

async function bootsOf(tx: Tx, devices: readonly RolloutDevice[]) {
  if (devices.length === 0) return new Map<string, { bootId: string | null; isOnline: boolean }>()
  const rows = await tx.all(
    query
      .selectFrom('devices as d')
      .leftJoin('device_presence as p', 'p.device_id', 'd.id')
      .select(['d.id', 'd.status', 'p.boot_id'])
      .where(
        'd.id',
        'in',
        devices.map(({ id }) => id),
      ),
  )
  return new Map(rows.map((row) => [row.id, { bootId: row.boot_id, isOnline: row.status === 'online' }]))
}

interface Report {
  receivedAt: Date
  pending: NonNullable<Seen['pending']>
}

const REPORTS = `
  select s.device_id, s.received_at, coalesce((
    select jsonb_agg(jsonb_build_object('name', u->>'name', 'article', u->>'article', 'installed', u->>'installed'))
    from jsonb_array_elements(s.data->'updates') u), '[]') as pending
  from device_sections s where s.device_id = any ($1::uuid[]) and s.section = 'updates' and s.status = 'ok'`

async function reportsOf(tx: Tx, devices: readonly RolloutDevice[]): Promise<Map<string, Report>> {
  if (devices.length === 0) return new Map()
  const rows = await tx.prepared<{ device_id: string; received_at: Date; pending: Report['pending'] }>(
    'pending_of_devices',
    REPORTS,
    [devices.map(({ id }) => id)],
  )
  return new Map(rows.map((row) => [row.device_id, { receivedAt: row.received_at, pending: row.pending }]))
}

/** What came in since the scan was asked for, and is as much as the scan found. */
function pendingOf(command: EndedCommand, report: Report | undefined): Seen['pending'] {
  const scan = dataOf(command, 'updates.scan')
  if (!scan || !report || report.receivedAt < command.issuedAt || report.pending.length !== scan.pending) return null
  return report.pending
}
