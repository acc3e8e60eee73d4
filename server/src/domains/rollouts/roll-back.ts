/** Taking back what a rollout did, on the devices where it succeeded: a rollout of its own, once for each device. */
import { capabilitiesOf } from '@breeze/contract/agent-commands'
import { query, type Tx } from '../../kernel/db.ts'
import { conflict } from '../../kernel/errors.ts'
import type { Effect, TransactionContext } from '../../kernel/tool.ts'
import { type CommandTarget, withRefusals } from '../commands/acting.ts'
import { manyDevices } from '../commands/answer.ts'
import { targetsByFilter } from '../devices/find.ts'
import { MOST_DEVICES } from '../devices/select.ts'
import type { Inverse } from './kind.ts'
import type { RolloutPlan } from './machine.ts'
import type { RolloutView } from './reads.ts'
import type { Rollout } from './rows.ts'
import type { NewRollout } from './service.ts'
import { placed } from './staging.ts'

const DAY_MS = 86_400_000

/** Where it succeeded and is not taken back: nor is that under way. What failed to be taken back may be tried again. */
const UNDOABLE = `
  select r.device_id as id from rollout_devices r
    left join rollout_devices u on u.rollout_id = r.undone_by and u.device_id = r.device_id
    left join rollouts x on x.id = r.undone_by
  where r.rollout_id = $1 and r.outcome = 'succeeded' and r.phase = 'done'
    and (r.undone_by is null or x.finished_at is not null and u.outcome in ('failed', 'cancelled', 'passed_over'))`

export async function undoable(tx: Tx, rollout: string): Promise<string[]> {
  return (await tx.prepared<{ id: string }>('undoable_devices', UNDOABLE, [rollout])).map(({ id }) => id)
}

/** Nothing may be at work that would end after it was taken back. */
export function requireAtRest({ rollout, tallies }: Pick<RolloutView, 'rollout' | 'tallies'>): void {
  if (rollout.undoes !== null) throw conflict('It takes another rollout back itself.', 'Run what you want again.')
  if (rollout.state === 'running' || rollout.state === 'soaking')
    throw conflict(`It is ${rollout.state}.`, 'Pause or cancel it first.')
  const working = tallies.reduce((sum, tally) => sum + tally.working, 0)
  if (working > 0)
    throw conflict(
      `${manyDevices(working)} are still at it.`,
      'Roll back when they have ended; cancel_operation asks them to stop.',
    )
}

export async function undoTargets(
  context: TransactionContext,
  rollout: Rollout,
  { body, waitMinutes, unsuited }: Inverse,
): Promise<CommandTarget[]> {
  const ids = await undoable(context.tx, rollout.id)
  const { targets } = ids.length > 0 ? await targetsByFilter(context.tx, { ids, trusted: true }, MOST_DEVICES) : NOBODY
  if (targets.length === 0)
    throw conflict('Nothing is left of it to be taken back.', 'get_operation tells where it succeeded.')
  const asked = { capabilities: capabilitiesOf(body), waitMinutes }
  const devices = await withRefusals(context, targets, asked)
  const reasons = await unsuited(devices)
  return devices.map((device) => {
    const reason = reasons.get(device.id)
    return reason === undefined ? device : { ...device, refusal: { kind: 'unsupported', reason }, caveat: reason }
  })
}
const NOBODY = { targets: [] }

export function undoEffect({ rollout, tallies }: RolloutView, inverse: Inverse, devices: number): Effect {
  const unbegun = rollout.finishedAt === null ? tallies.reduce((sum, { absent }) => sum + absent, 0) : 0
  const rest = unbegun > 0 ? ` The rollout ends: ${manyDevices(unbegun)} that have not begun never do.` : ''
  return {
    summary: `Take back what the rollout did: ${inverse.what} on ${manyDevices(devices)} where it succeeded.${rest}`,
    irreversible: inverse.irreversible,
    binding: { ...inverse.binding, rollout: rollout.id },
  }
}

/** All at once, and whatever fails on some of them: none must be left for that. */
export function undoRollout(
  { kind, task, waitMinutes }: Inverse,
  undoes: string,
  devices: readonly CommandTarget[],
  now: Date,
): NewRollout {
  const stages = [{ name: 'all', deviceIds: devices.map(({ id }) => id) }]
  const plan: RolloutPlan = {
    stages: [{ name: 'all', devices: devices.length }],
    minSuccessPercent: 0,
    soakMinutes: 0,
    patienceHours: waitMinutes / 60,
    passesOver: true,
  }
  const giveUpAt = new Date(now.getTime() + waitMinutes * 60_000 + DAY_MS)
  return { kind, task, plan, startsAt: now, giveUpAt, undoes, devices: placed(devices, stages, () => ({})) }
}

/** Only by whoever holds the row of the rollout that is taken back. */
export async function markUndone(tx: Tx, rollout: string, by: string, deviceIds: readonly string[]): Promise<void> {
  const open = new Set(await undoable(tx, rollout))
  const gone = deviceIds.filter((id) => !open.has(id)).length
  if (gone > 0)
    throw conflict(`${manyDevices(gone)} were taken back meanwhile.`, 'Look at it again with get_operation.')
  await tx.run(
    query
      .updateTable('rollout_devices')
      .set({ undone_by: by })
      .where('rollout_id', '=', rollout)
      .where('device_id', 'in', [...deviceIds]),
  )
}
