import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandArgs, ResultData } from '@breeze/contract/agent-commands'
import type { ServiceItem } from '@breeze/contract/agent-inventory'
import { TimedOut } from '../collectors/section.ts'
import type { Executor } from '../executor.ts'
import { type ServiceAction, type ServiceControl, serviceControl } from '../platform/service-control.ts'
import { action, type Done, Refused } from './action.ts'

/** The service as which this agent is installed. */
const OWN_NAME = 'breeze-agent'
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 1000
/** Beyond the manager's own time, to read the state back. */
const MARGIN_MS = 30_000

/** What counts as done: a service that ended badly when it was stopped has stopped. */
const WANTED: { readonly [A in ServiceAction]: readonly ServiceItem['state'][] } = {
  start: ['running'],
  stop: ['stopped', 'failed'],
  restart: ['running'],
}

export function controlService(): Executor<'service.control'> {
  return action({
    type: 'service.control',
    timeoutMs: ({ timeoutSeconds }) => timeoutSeconds * 1000 + MARGIN_MS,
    async unsupported() {
      const control = await serviceControl()
      return typeof control === 'string' ? control : undefined
    },
    async act(args, signal) {
      const control = await serviceControl()
      if (typeof control === 'string') throw new Error(control)
      return await carryOut(control, args, signal)
    },
  })
}

export async function carryOut(
  control: ServiceControl,
  args: CommandArgs<'service.control'>,
  signal: AbortSignal,
): Promise<Done<'service.control'>> {
  const deadline = performance.now() + args.timeoutSeconds * 1000
  const before = await control.read(args.name)
  if (!before) throw new Error(`This device has no service ${JSON.stringify(args.name.slice(0, 100))}`)
  if (before.name === OWN_NAME || before.name === (await control.own())) {
    throw new Refused('denied_locally: the agent does not control the service that it runs as')
  }
  const refused = await inTime(control.act(before, args.action, args.timeoutSeconds * 1000))
  const after = await settled(control, before, args.action, refused === undefined ? deadline : 0, signal)
  const data: ResultData<'service.control'> = {
    source: control.source,
    name: before.name,
    before: before.state,
    state: after.state,
    pid: after.pid,
  }
  const failure = refused ?? shortfall(args.action, before, after)
  const process = after.pid === null ? '' : `, process ${after.pid}`
  const text = `${args.action} ${before.name}: ${before.state} before, ${after.state} now${process}`
  return { data, text, ...(failure !== undefined && { failure: `${args.action} of ${before.name}: ${failure}` }) }
}

/** A manager that takes too long has not refused, but what it says is told in the same place, beside the state. */
async function inTime(act: Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await act
  } catch (error) {
    if (error instanceof TimedOut) return error.message
    throw error
  }
}

/** The state once it is the wanted one, or as it is when the time is over. */
async function settled(
  control: ServiceControl,
  before: ServiceItem,
  wanted: ServiceAction,
  deadline: number,
  signal: AbortSignal,
): Promise<ServiceItem> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    const now = (await control.read(before.name)) ?? { ...before, state: 'unknown' as const, pid: null }
    if (WANTED[wanted].includes(now.state) || performance.now() + pause >= deadline) return now
    await sleep(pause, undefined, { signal })
  }
}

/** That the manager was content is not enough. */
function shortfall(wanted: ServiceAction, before: ServiceItem, after: ServiceItem): string | undefined {
  if (after.state === 'unknown') return 'the manager reported success, and the service does not tell its state'
  if (!WANTED[wanted].includes(after.state)) return `the manager reported success, but the service is ${after.state}`
  const same = before.pid !== null && before.pid === after.pid
  return wanted === 'restart' && same ? 'the manager reported success, but the same process runs on' : undefined
}
