import { CommandRunner } from './command-runner.ts'
import type { Collector } from './collectors/section.ts'
import { clearScriptDirectory } from './commands/script-file.ts'
import { sweepExecution } from './commands/process-tree.ts'
import { Connection, type ConnectionTiming } from './connection.ts'
import type { Executors } from './executor.ts'
import type { IdentityHolder } from './identity-store.ts'
import type { Isolation } from './isolation.ts'
import { Journal } from './journal.ts'
import type { LocalPolicy } from './local-policy.ts'
import type { Log } from './log.ts'
import { MachineDevice } from './machine-device.ts'
import type { Measuring } from './metrics/reporter.ts'
import type { ServerClock } from './server-clock.ts'
import type { StopReason } from './stop-reason.ts'
import type { Transport } from './transport.ts'
import type { AgentUpdates } from './update/agent-updates.ts'

export interface MachineWork {
  executors: Executors
  policy: LocalPolicy
  capabilities: Collector<'capabilities'>
  metrics: Measuring
  eventsEveryMs: number
  /** The server's, as well as it is known. */
  clock: ServerClock
  isolation: Isolation
  updates: AgentUpdates
}

export interface SessionOptions {
  servers: readonly string[]
  transport: Transport
  stateDirectory: string
  identity: IdentityHolder
  /** As given at enrollment. */
  machineId: string
  /** What this machine can do and what its owner lets it do: the same for each identity. */
  work: MachineWork
  onCopied: () => void
  log: Log
  timing?: Partial<ConnectionTiming>
}

/** One identity at work: its device, journal, runner and connection. */
export interface Session {
  /** Says goodbye before the machine sleeps; comes back by itself. */
  sleep(): Promise<void>
  /** Ends running scripts (recorded as interrupted), says goodbye and closes. */
  stop(reason: StopReason): Promise<void>
}

export async function startSession(options: SessionOptions): Promise<Session> {
  const { servers, transport, stateDirectory, identity, machineId, work, onCopied, log, timing } = options
  const { clock, isolation } = work
  const journal = await Journal.open(stateDirectory, () => clock.earliest())
  await clearScriptDirectory(stateDirectory)
  const device = await MachineDevice.open({
    identity,
    machineId,
    stateDirectory,
    journal,
    clock,
    capabilities: work.capabilities,
    metrics: work.metrics,
    eventsEveryMs: work.eventsEveryMs,
    isolated: () => isolation.isolated,
    proven: () => work.updates.welcomed(),
    onCopied,
    log,
  })
  const runner = new CommandRunner({
    deviceId: device.deviceId,
    journal,
    clock,
    log,
    serverKeys: () => device.serverKeys,
    configuration: () => device.configuration,
    look: (sections) => device.look(sections),
    sweep: sweepExecution,
    policy: work.policy,
    executors: work.executors,
    handedOver: work.updates,
  })
  await runner.recover()
  await device.start(runner)
  const connection = new Connection({ servers, transport, device, log, ...(timing && { timing }) })
  connection.start()
  return {
    sleep: () => connection.sleep(),
    async stop(reason) {
      const stopped = device.stop()
      // First the scripts, so that their results may still go out.
      await runner.stop()
      await connection.stop(reason)
      await stopped
      await journal.close()
      await identity.close()
    },
  }
}
