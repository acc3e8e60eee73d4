import type { CommandArgs, CommandOutcome, CommandType, ResultData } from '@breeze/contract/agent-commands'
import type { Execution, Executor, Executors } from '../executor.ts'
import type { SimulatedMachine } from './simulated-machine.ts'

const SOURCE = 'simulated'

type Found = Pick<CommandOutcome, 'state' | 'reason' | 'data'>

/** Commands that look at the device or move one part of it: made-up answers in the real shapes, which say so. */
export function inspections(machine: SimulatedMachine): Executors {
  return {
    'service.control': executor('service.control', machine, ({ args }) => controlService(machine, args)),
    'logs.read': executor('logs.read', machine, ({ args }) => found<'logs.read'>(logs(machine, args))),
    'processes.list': executor('processes.list', machine, () => found<'processes.list'>(processes(machine))),
    'network.diagnose': executor('network.diagnose', machine, ({ args }) =>
      found<'network.diagnose'>(diagnosis(args.target ?? 'server')),
    ),
    'network.wake': executor('network.wake', machine, ({ args }) =>
      found<'network.wake'>({ source: SOURCE, sent: args.macs.length, addresses: ['255.255.255.255'] }),
    ),
    'device.lock': executor('device.lock', machine, () => ({ state: 'succeeded', reason: 'locked (simulated)' })),
  }
}

function executor<T extends CommandType>(
  type: T,
  machine: SimulatedMachine,
  work: (execution: Execution<T>) => Found,
): Executor<T> {
  return {
    type,
    unsupported: async () => undefined,
    run: async (execution) => {
      const at = machine.look().now.toISOString()
      return { outcome: { startedAt: at, finishedAt: at, durationMs: 0, ...work(execution) } }
    },
  }
}

type Named = 'service.control' | 'logs.read' | 'processes.list' | 'network.diagnose' | 'network.wake'
const found = <T extends Named>(data: ResultData<T>): Found => ({ state: 'succeeded', data })

function controlService(
  machine: SimulatedMachine,
  { name, action }: { name: string; action: 'start' | 'stop' | 'restart' },
): Found {
  const service = machine
    .look()
    .services()
    .find((one) => one.name.toLowerCase() === name.toLowerCase())
  if (!service) return { state: 'failed', reason: 'there is no such service on this simulated device' }
  const state = action === 'stop' ? 'stopped' : 'running'
  machine.setService(service.name, state)
  const pid = state === 'running' ? 4242 : null
  return found<'service.control'>({ source: SOURCE, name: service.name, state, before: service.state, pid })
}

function logs(machine: SimulatedMachine, { since, ...args }: CommandArgs<'logs.read'>): ResultData<'logs.read'> {
  const { entries, more } = machine.readLog({ ...args, since: since === undefined ? undefined : new Date(since) })
  const began = { level: 'info', source: SOURCE, message: 'simulated device started' } as const
  const start = { ...began, at: machine.look().bootedAt.toISOString() }
  return { source: SOURCE, entries: entries.length > 0 ? entries : [start], more }
}

function processes(machine: SimulatedMachine): ResultData<'processes.list'> {
  const { bootedAt, services } = machine.look()
  const running = services().filter((service) => service.pid !== null)
  const list = running.map(({ name, pid }, index) => ({
    pid: pid ?? 0,
    parent: 1,
    name,
    commandLine: `${name} (simulated)`,
    user: null,
    state: 'sleeping',
    cpuPercent: index === 0 ? 1.5 : 0,
    memoryBytes: (index + 1) * 4_000_000,
    startedAt: bootedAt.toISOString(),
  }))
  return { source: SOURCE, total: list.length, processes: list }
}

const diagnosis = (target: string): ResultData<'network.diagnose'> => ({
  source: SOURCE,
  defaultGateway: null,
  nameServers: [],
  checks: [{ check: 'connect', target, ok: true, milliseconds: null, detail: 'simulated' }],
})
