import type { AgentFrame } from '@breeze/contract/agent-protocol'
import { capabilities } from './collectors/capabilities.ts'
import { CommandRunner } from './command-runner.ts'
import { diagnoseNetwork } from './commands/diagnose-network.ts'
import { listProcesses } from './commands/list-processes.ts'
import { reboot, shutdown } from './commands/power.ts'
import { sweepExecution } from './commands/process-tree.ts'
import { readLogs } from './commands/read-logs.ts'
import { runScript } from './commands/run-script.ts'
import { clearScriptDirectory } from './commands/script-file.ts'
import type { AgentConfig } from './config.ts'
import { Connection, type ConnectionTiming } from './connection.ts'
import { ensureEnrolled } from './enrollment.ts'
import type { Executors } from './executor.ts'
import { armFault } from './faults.ts'
import { type EnrolledIdentity, prepareStateDirectory } from './identity-store.ts'
import { Journal } from './journal.ts'
import { LocalPolicy } from './local-policy.ts'
import { type Log, RecentLog } from './log.ts'
import { MachineDevice } from './machine-device.ts'
import { hostName, machineId, platformName } from './platform/machine.ts'
import { ServerClock } from './server-clock.ts'
import { lockState } from './state-lock.ts'
import { AGENT_VERSION } from './version.ts'

export type StopReason = Extract<AgentFrame, { type: 'goodbye' }>['reason']

export interface AgentOptions extends AgentConfig {
  log: Log
  timing?: Partial<ConnectionTiming>
}

export interface RunningAgent {
  deviceId: string
  /** Ends running scripts (recorded as interrupted), says goodbye and closes. Safe to call twice. */
  stop(reason: StopReason): Promise<void>
  /** Settles when the agent has stopped. */
  closed: Promise<{ reason: StopReason }>
}

/** The composition root: enrolls where needed, recovers what a crash left, connects. */
export async function runAgent(options: AgentOptions): Promise<RunningAgent> {
  const { stateDirectory } = options
  armFault(options.fault)
  await prepareStateDirectory(stateDirectory)
  const unlock = await lockState(stateDirectory)
  try {
    const machine = { machineId: (await machineId()) ?? `none-${crypto.randomUUID()}` }
    const identity = await enroll(options, machine)
    const clock = new ServerClock()
    const journal = await Journal.open(stateDirectory, () => clock.earliest())
    await clearScriptDirectory(stateDirectory)
    return await connect(options, { ...machine, identity }, journal, clock, unlock)
  } catch (error) {
    await unlock()
    throw error
  }
}

interface Machine {
  /** Without one of the system's, each installation counts as its own machine. */
  machineId: string
}

async function enroll(options: AgentOptions, { machineId }: Machine): Promise<EnrolledIdentity> {
  return await ensureEnrolled({
    server: options.server,
    token: options.token,
    stateDirectory: options.stateDirectory,
    machine: {
      hostname: hostName(),
      machineId,
      platform: platformName(),
      agentVersion: AGENT_VERSION,
    },
    log: options.log,
    ...(options.timing?.reconnectBaseMs !== undefined && { retryBaseMs: options.timing.reconnectBaseMs }),
  })
}

async function connect(
  options: AgentOptions,
  { identity, machineId }: Machine & { identity: EnrolledIdentity },
  journal: Journal,
  clock: ServerClock,
  unlock: () => Promise<void>,
): Promise<RunningAgent> {
  const { stateDirectory, power: mode } = options
  const ownLog = new RecentLog(options.log)
  const { log } = ownLog
  const policy = new LocalPolicy(options.policyPath, log)
  const executors: Executors = {
    'logs.read': readLogs({ ownLog }),
    'network.diagnose': diagnoseNetwork({ server: options.server }),
    'power.reboot': reboot({ mode, stateDirectory, log }),
    'power.shutdown': shutdown({ mode, stateDirectory, log }),
    'processes.list': listProcesses(),
    'script.run': runScript({ stateDirectory, environment: options.scriptEnvironment }),
  }
  const device = new MachineDevice({
    identity,
    machineId,
    stateDirectory,
    journal,
    clock,
    capabilities: capabilities({ executors, policy }),
    log,
  })
  const runner = new CommandRunner({
    deviceId: identity.deviceId,
    journal,
    clock,
    log,
    serverKeys: () => device.serverKeys,
    sweep: sweepExecution,
    policy,
    executors,
  })
  await runner.recover()
  await device.start(runner)
  const connection = new Connection({
    servers: [options.server],
    device,
    log,
    ...(options.timing && { timing: options.timing }),
  })
  connection.start()
  log('started', { deviceId: identity.deviceId, server: options.server, version: AGENT_VERSION })

  const { promise: closed, resolve } = Promise.withResolvers<{ reason: StopReason }>()
  let stopping: Promise<void> | undefined
  const stop = async (reason: StopReason): Promise<void> => {
    log('stopping', { reason })
    device.stop()
    // First the scripts, so that their results may still go out.
    await runner.stop()
    await connection.stop(reason)
    await journal.close()
    await unlock()
    resolve({ reason })
  }
  return {
    deviceId: identity.deviceId,
    closed,
    stop: (reason) => (stopping ??= stop(reason)),
  }
}
