import { Agent, machineFacts } from './agent.ts'
import { capabilities } from './collectors/capabilities.ts'
import { controlService } from './commands/control-service.ts'
import { deleteFile } from './commands/delete-file.ts'
import { diagnoseNetwork } from './commands/diagnose-network.ts'
import { PathGuard } from './commands/files/path-guard.ts'
import { listFiles } from './commands/list-files.ts'
import { listProcesses } from './commands/list-processes.ts'
import { installUpdates } from './commands/install-updates.ts'
import { isolateNetwork, releaseNetwork, whereServersAre } from './commands/isolate-network.ts'
import { lockDevice } from './commands/lock-device.ts'
import { reboot, shutdown } from './commands/power.ts'
import { putFile } from './commands/put-file.ts'
import { readFile } from './commands/read-file.ts'
import { readLogs } from './commands/read-logs.ts'
import { runScript } from './commands/run-script.ts'
import { scanUpdates } from './commands/scan-updates.ts'
import { UpdateTurns } from './commands/update-turns.ts'
import { wakeDevices } from './commands/wake-devices.ts'
import type { AgentConfig } from './config.ts'
import type { ConnectionTiming } from './connection.ts'
import { ensureEnrolled } from './enrollment.ts'
import { LOOK_EVERY_MS } from './events/event-shipper.ts'
import type { Executors } from './executor.ts'
import { armFault } from './faults.ts'
import { type EnrolledIdentity, prepareStateDirectory } from './identity-store.ts'
import { Isolation } from './isolation.ts'
import { LocalPolicy } from './local-policy.ts'
import { type Log, RecentLog } from './log.ts'
import { stableMachineId } from './machine-id.ts'
import { SAMPLE_EVERY_MS } from './metrics/reporter.ts'
import { platformSource } from './metrics/sampler.ts'
import { PinnedNames } from './pinned-names.ts'
import { bootClock } from './platform/boot-clock.ts'
import { ServerClock } from './server-clock.ts'
import { lockState } from './state-lock.ts'
import type { StopReason } from './stop-reason.ts'
import { openTransport, type Transport } from './transport.ts'
import { AgentUpdates } from './update/agent-updates.ts'
import { updateAgent } from './update/update-agent.ts'
import { AGENT_VERSION } from './version.ts'

export interface AgentOptions extends AgentConfig {
  log: Log
  timing?: Partial<ConnectionTiming>
  /** A minute unless a test is in a hurry. */
  sampleEveryMs?: number
  /** The same for looks at the logs. */
  eventsEveryMs?: number
}

export interface RunningAgent {
  /** Changes when this machine turns out to be a copy and becomes a device of its own. */
  readonly deviceId: string
  /** Says goodbye before the machine sleeps. The connection comes back by itself. */
  sleep(): Promise<void>
  /** Ends running scripts (recorded as interrupted), says goodbye and closes. Safe to call twice. */
  stop(reason: StopReason): Promise<void>
  /** Settles when the agent has stopped. */
  closed: Promise<{ reason: StopReason }>
}

/** The composition root: enrolls where needed, recovers what a crash left, connects. */
export async function runAgent(options: AgentOptions): Promise<RunningAgent> {
  const { stateDirectory, servers } = options
  const ownLog = new RecentLog(options.log)
  const { log } = ownLog
  armFault(options.fault)
  await prepareStateDirectory(stateDirectory)
  const unlock = await lockState(stateDirectory)
  try {
    const names = new PinnedNames()
    const clock = new ServerClock(Date.now, bootClock())
    const isolation = await Isolation.open({
      stateDirectory,
      names,
      now: () => clock.now(),
      log,
      servers: () => whereServersAre(options),
    })
    const transport = await openTransport(options.network, names.lookup)
    const machineId = await stableMachineId(stateDirectory)
    const identity = await enroll({ ...options, log }, transport, machineId)
    const policy = new LocalPolicy(options.policyPath, log)
    const updates = await AgentUpdates.open({ stateDirectory, supervision: options.supervision, log })
    const executors = {
      ...executorsOf({ ...options, log }, { ownLog, policy, isolation }),
      'agent.update': updateAgent({
        stateDirectory,
        updates,
        servers,
        transport,
        clock,
        log,
        serverKeys: () => agent.serverKeys,
        restart: () => void agent.stop('update'),
      }),
    }
    const work = {
      executors,
      policy,
      capabilities: capabilities({ executors, policy }),
      metrics: { source: platformSource(), everyMs: options.sampleEveryMs ?? SAMPLE_EVERY_MS },
      eventsEveryMs: options.eventsEveryMs ?? LOOK_EVERY_MS,
      clock,
      isolation,
      updates,
    }
    const agent: Agent = new Agent({ ...options, work, transport, log }, async () => {
      await isolation.stop()
      await unlock()
    })
    await agent.start(identity, machineId)
    log('started', { deviceId: agent.deviceId, server: servers.join(' '), version: AGENT_VERSION })
    return agent
  } catch (error) {
    await unlock()
    throw error
  }
}

interface Parts {
  ownLog: RecentLog
  policy: LocalPolicy
  isolation: Isolation
}

function executorsOf(options: AgentOptions, { ownLog, policy, isolation }: Parts): Executors {
  const { servers, network, stateDirectory, protectedPaths, log, power: mode, scriptEnvironment: environment } = options
  const [server = ''] = servers
  const programs = [process.execPath, process.argv[1]].filter((path) => path !== undefined)
  const guard = new PathGuard({ stateDirectory, protectedPaths, programs, policy })
  const scripts = runScript({ stateDirectory, environment })
  const turns = new UpdateTurns()
  return {
    'device.lock': lockDevice(),
    'files.delete': deleteFile(guard),
    'files.list': listFiles(guard),
    'files.put': putFile(guard),
    'files.read': readFile(guard),
    'logs.read': readLogs({ ownLog }),
    'network.diagnose': diagnoseNetwork({ server }),
    'network.isolate': isolateNetwork({ isolation, servers, network }),
    'network.release': releaseNetwork({ isolation }),
    'network.wake': wakeDevices(),
    'power.reboot': reboot({ mode, stateDirectory, log }),
    'power.shutdown': shutdown({ mode, stateDirectory, log }),
    'processes.list': listProcesses(),
    'script.run': scripts,
    'service.control': controlService(),
    'updates.install': installUpdates({ stateDirectory, scripts, turns }),
    'updates.scan': scanUpdates({ stateDirectory, turns }),
  }
}

async function enroll(options: AgentOptions, transport: Transport, machineId: string): Promise<EnrolledIdentity> {
  const { servers, token, stateDirectory, log, timing } = options
  return await ensureEnrolled({
    servers,
    transport,
    token,
    stateDirectory,
    machine: machineFacts(machineId),
    log,
    ...(timing?.reconnectBaseMs !== undefined && { retryBaseMs: timing.reconnectBaseMs }),
  })
}
