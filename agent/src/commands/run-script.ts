import type { ChildProcess } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandOutcome, ScriptArgs } from '@breeze/contract/agent-commands'
import { systemVariables, type ScriptEnvironment } from '../config.ts'
import { errorCode } from '../platform/error-code.ts'
import type { Execution, Executor } from '../executor.ts'
import { fault } from '../faults.ts'
import { BoundedOutput } from './bounded-output.ts'
import { ConcealedOutput } from './concealed-output.ts'
import { ExecutionCgroup } from './execution-cgroup.ts'
import { findInterpreter, type FoundInterpreter } from './interpreters.ts'
import { LiveOutput } from './live-output.ts'
import { EXECUTION_TAG, endExecution } from './process-tree.ts'
import { mayEnter, resolveRunAs, type RunAs, runAsUnsupported, USERS_PATH } from './run-as.ts'
import { writeScript } from './script-file.ts'
import {
  collect,
  type OutputSink,
  type ScriptCommand,
  type ScriptEnd,
  startScript,
  waitForEnd,
} from './script-process.ts'

/** From TERM to KILL. */
const GRACE_MS = 2000
/** The same for what a script leaves behind when it ends by itself. */
const LEFTOVER_GRACE_MS = 200
/** How long after the script's own end a child that holds its output is listened to. */
const DRAIN_MS = 500

export interface RunScriptOptions {
  stateDirectory: string
  environment: ScriptEnvironment
}

/** What is wrong with the request on this device, such as a user that it does not have. */
class Unrunnable extends Error {}

interface Prepared {
  interpreter: FoundInterpreter
  runAs: RunAs | undefined
  folder: string
}

export function runScript(options: RunScriptOptions): Executor<'script.run'> {
  return {
    type: 'script.run',
    async unsupported({ args }) {
      if (!PLATFORMS.includes(process.platform)) return `scripts are not supported on ${process.platform} yet`
      if (args.runAs !== undefined) {
        const reason = await runAsUnsupported()
        if (reason !== undefined) return reason
      }
      const found = await findInterpreter(args.language, searchPath(args, options))
      return found ? undefined : `no interpreter for ${args.language} is installed on this device`
    },
    async run(execution) {
      let prepared: Prepared
      try {
        prepared = await prepare(execution.args, options)
      } catch (error) {
        if (error instanceof Unrunnable) return { outcome: { state: 'failed', reason: error.message } }
        throw error
      }
      return { outcome: await runPrepared(prepared, execution, options) }
    },
  }
}

const PLATFORMS: readonly NodeJS.Platform[] = ['linux', 'win32', 'darwin']

function searchPath({ runAs }: ScriptArgs, { environment }: RunScriptOptions): string {
  return runAs === undefined ? environment.path : USERS_PATH
}

async function prepare(args: ScriptArgs, options: RunScriptOptions): Promise<Prepared> {
  const interpreter = await findInterpreter(args.language, searchPath(args, options))
  if (!interpreter) throw new Error(`The interpreter for ${args.language} has gone`)
  const runAs = args.runAs === undefined ? undefined : await resolveRunAs(args.runAs)
  if (args.runAs !== undefined && !runAs) throw new Unrunnable(`This device has no user ${JSON.stringify(args.runAs)}`)
  const folder = args.workingDirectory ?? (process.platform === 'win32' ? 'C:\\' : '/')
  await checkFolder(folder, runAs)
  if (args.language === 'cmd') checkForCmd([...args.arguments, ...Object.values(args.environment ?? {})])
  return { interpreter, runAs, folder }
}

async function checkFolder(folder: string, runAs: RunAs | undefined): Promise<void> {
  if (!isAbsolute(folder) || folder.includes('\0')) throw new Unrunnable('The working folder must be an absolute path')
  if (!(await isFolder(folder))) throw new Unrunnable('The working folder does not exist or is not a folder')
  if (runAs && !(await mayEnter(runAs, folder))) {
    throw new Unrunnable(`${runAs.account.name} may not enter the working folder`)
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG'].includes(errorCode(error) ?? '')) return false
    throw error
  }
}

/**
 * cmd.exe reads its command line as a language of its own, and no quoting keeps these characters out of it; a variable's value
 * it puts into the script's text before it reads that.
 */
function checkForCmd(args: readonly string[]): void {
  if (args.some((argument) => /["%&|<>^!\r\n]/.test(argument))) {
    throw new Unrunnable(
      'cmd.exe can not take arguments or parameters with any of " % & | < > ^ ! or a line break as they are',
    )
  }
}

async function runPrepared(
  { interpreter, runAs, folder }: Prepared,
  execution: Execution<'script.run'>,
  { stateDirectory, environment }: RunScriptOptions,
): Promise<CommandOutcome> {
  const { commandId, args } = execution
  const content = interpreter.preamble + args.content
  const script = await writeScript(stateDirectory, `script.${interpreter.extension}`, content, runAs)
  const cgroup = await ExecutionCgroup.create(commandId)
  try {
    const command: ScriptCommand = {
      argv: [interpreter.path, ...interpreter.flags, script.path, ...args.arguments],
      // Its own names come last, and none of ours begins as they do.
      environment: { ...environmentOf(commandId, environment, runAs), ...args.environment },
      folder,
      membersFile: cgroup?.membersFile,
      runAs: runAs?.prefix,
    }
    return await runToTheEnd(command, execution, cgroup)
  } finally {
    await cgroup?.remove()
    await script.remove()
  }
}

function environmentOf(
  commandId: string,
  { path, home }: ScriptEnvironment,
  runAs: RunAs | undefined,
): Record<string, string> {
  const common = { LANG: 'C.UTF-8', [EXECUTION_TAG]: commandId }
  if (!runAs) return { ...systemVariables(), ...common, PATH: path, HOME: home }
  const { name, home: own } = runAs.account
  return { ...common, PATH: USERS_PATH, HOME: own, USER: name, LOGNAME: name }
}

async function runToTheEnd(
  command: ScriptCommand,
  { commandId, args, signal, reply }: Execution<'script.run'>,
  cgroup: ExecutionCgroup | undefined,
): Promise<CommandOutcome> {
  const startedAt = new Date()
  const started = performance.now()
  const output = new BoundedOutput()
  const live = new LiveOutput(commandId, reply)
  const concealed = new ConcealedOutput(both(output, live), secretsOf(args))
  const child = startScript(command)
  fault('script.spawned')
  const closed = collect(child, concealed)
  const end = await waitForEnd(child, args.timeoutSeconds * 1000, signal)
  fault('script.exited')
  // Whatever the end, what is left of the execution goes: a child may hold the output open, or have become a daemon.
  if (end.kind === 'exit') await Promise.race([closed, sleep(DRAIN_MS)])
  const grace = end.kind === 'exit' ? LEFTOVER_GRACE_MS : GRACE_MS
  const survivors = end.kind === 'spawn_error' ? 0 : await endExecution({ commandId, leader: child.pid, cgroup }, grace)
  if (end.kind !== 'spawn_error') await Promise.race([closed, sleep(DRAIN_MS)])
  child.stdout?.destroy()
  child.stderr?.destroy()
  concealed.end()
  live.end()
  return {
    ...describe(end, args.timeoutSeconds, survivors, child),
    ...output.result(),
    startedAt: startedAt.toISOString(),
    finishedAt: new Date().toISOString(),
    durationMs: Math.round(performance.now() - started),
  }
}

const secretsOf = ({ environment = {}, secrets = [] }: ScriptArgs): string[] =>
  secrets.flatMap((name) => environment[name] ?? [])

function both(output: BoundedOutput, live: LiveOutput): OutputSink {
  return {
    add(chunk) {
      output.add(chunk)
      live.add(chunk)
    },
    get full() {
      return output.full
    },
  }
}

function describe(end: ScriptEnd, timeoutSeconds: number, survivors: number, child: ChildProcess): CommandOutcome {
  const left = survivors > 0 ? `; ${survivors} process(es) could not be killed` : ''
  const killed = { exitCode: child.exitCode, signal: child.signalCode }
  switch (end.kind) {
    case 'exit':
      return {
        state: end.exitCode === 0 ? 'succeeded' : 'failed',
        exitCode: end.exitCode,
        signal: end.signal,
        ...(left && { reason: left.slice(2) }),
      }
    case 'timeout':
      return {
        state: 'timed_out',
        reason: `The script ran longer than ${timeoutSeconds} s and was killed${left}`,
        ...killed,
      }
    case 'cancelled':
      return { state: 'cancelled', reason: `The script was cancelled while it ran, and killed${left}`, ...killed }
    case 'stopped':
      return {
        state: 'interrupted',
        reason: `The agent was stopped while the script ran, and the script was killed${left}`,
        ...killed,
      }
    case 'spawn_error':
      return { state: 'failed', reason: `The script could not be started: ${end.message}`.slice(0, 500) }
  }
}
