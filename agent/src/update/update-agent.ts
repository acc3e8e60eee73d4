import type { CommandArgs, CommandOutcome, ResultData } from '@breeze/contract/agent-commands'
import type { ServerKey } from '@breeze/contract/agent-protocol'
import { AGENT_RELEASE_PATH, type ReleaseManifest } from '@breeze/contract/agent-release'
import type { Execution, ExecutionResult, Executor } from '../executor.ts'
import { fault } from '../faults.ts'
import { errorText, type Log } from '../log.ts'
import type { ServerClock } from '../server-clock.ts'
import type { Transport } from '../transport.ts'
import { AGENT_VERSION } from '../version.ts'
import type { AgentUpdates } from './agent-updates.ts'
import { isIntact } from './bundle.ts'
import { download } from './download.ts'
import { judgeRelease } from './release-gate.ts'
import { runSelfTest } from './self-test.ts'
import { bundlePath } from './versions.ts'

export interface UpdateAgentOptions {
  stateDirectory: string
  updates: AgentUpdates
  servers: readonly string[]
  transport: Transport
  serverKeys(): readonly ServerKey[]
  clock: Pick<ServerClock, 'now'>
  /** Says goodbye and ends, so that the supervisor starts what is on trial. Returns at once. */
  restart(): void
  log: Log
}

const DOWNLOAD_MS = 300_000

export function updateAgent(options: UpdateAgentOptions): Executor<'agent.update'> {
  let isBusy = false
  return {
    type: 'agent.update',
    unsupported: async () => unsupported(options),
    async run(execution) {
      const startedAt = new Date().toISOString()
      if (isBusy) return failed('another update is under way', startedAt)
      isBusy = true
      try {
        return await update(execution, options, startedAt)
      } finally {
        isBusy = false
      }
    },
  }
}

function unsupported({ updates }: UpdateAgentOptions): string | undefined {
  if (!updates.supervision) return 'this agent runs without its own supervisor, which would put the former version back'
  if (!updates.versions) return 'the agent’s record of its versions is damaged: install the agent anew'
  return undefined
}

async function update(
  { args, commandId, signal }: Execution<'agent.update'>,
  options: UpdateAgentOptions,
  startedAt: string,
): Promise<ExecutionResult> {
  const { updates, clock, stateDirectory, log } = options
  const { versions, supervision } = updates
  if (!versions || !supervision) return failed(unsupported(options) ?? 'no supervisor', startedAt)
  if (versions.trial) return failed(`${versions.trial.version} is on trial already`, startedAt)
  const judged = judgeRelease(args.manifest, {
    serverKeys: options.serverKeys(),
    now: clock.now(),
    running: AGENT_VERSION,
    versions,
    force: args.force,
  })
  if ('refused' in judged) return failed(judged.refused, startedAt)
  const { manifest } = judged
  const path = bundlePath(stateDirectory, manifest.sha256)
  try {
    await fetchBuild(path, manifest, args, options, signal)
    fault('update.fetched')
    await runSelfTest(path, supervision.argv, manifest.version, signal)
    fault('update.tested')
  } catch (error) {
    if (signal.aborted) return { outcome: { state: 'interrupted', reason: 'The agent was stopped', startedAt } }
    return failed(`${manifest.version} was not taken on: ${errorText(error)}`, startedAt, manifest.version)
  }
  const { sha256, version } = manifest
  await updates.stage({
    version,
    sha256,
    commandId,
    from: AGENT_VERSION,
    probationSeconds: args.probationSeconds,
    starts: 0,
  })
  log('update_staged', { from: AGENT_VERSION, to: version })
  return { ...failed('The agent has not started anew', startedAt), handOver: options.restart }
}

/** From the first server that has it. */
async function fetchBuild(
  path: string,
  { sha256, sizeBytes }: ReleaseManifest,
  { ticket }: CommandArgs<'agent.update'>,
  { servers, transport }: UpdateAgentOptions,
  signal: AbortSignal,
): Promise<void> {
  if (await isIntact(path, sha256)) return
  const reasons: string[] = []
  for (const server of servers) {
    const url = new URL(`${AGENT_RELEASE_PATH}/${sha256}`, server)
    try {
      await download(url, path, { transport, bearer: ticket, sizeBytes, sha256, timeoutMs: DOWNLOAD_MS, signal })
      return
    } catch (error) {
      if (signal.aborted) throw error
      reasons.push(errorText(error))
    }
  }
  throw new Error(`it could not be fetched: ${reasons.join('; ')}`)
}

function failed(reason: string, startedAt: string, to?: string): ExecutionResult {
  const data =
    to === undefined
      ? undefined
      : ({ from: AGENT_VERSION, to, running: AGENT_VERSION } satisfies ResultData<'agent.update'>)
  const outcome: CommandOutcome = {
    state: 'failed',
    reason: reason.slice(0, 500),
    startedAt,
    finishedAt: new Date().toISOString(),
  }
  return { outcome: data ? { ...outcome, data } : outcome }
}
