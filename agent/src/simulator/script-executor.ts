import { type CommandOutcome, MAX_OUTPUT_BYTES } from '@breeze/contract/agent-commands'
import { LiveOutput } from '../commands/live-output.ts'
import type { Execution, Executor } from '../executor.ts'
import { answer } from './script-answers.ts'
import { commandOf, statementsOf } from './script-text.ts'
import { type SimulatedMachine, slept } from './simulated-machine.ts'
import { type Steering, steeringOf } from './steering.ts'

export function scripts(machine: SimulatedMachine): Executor<'script.run'> {
  return {
    type: 'script.run',
    async unsupported({ args }) {
      const { interpreters } = machine.look().facts.system
      return interpreters.includes(args.language)
        ? undefined
        : `no interpreter for ${args.language} is installed on this device`
    },
    run: async (execution) => ({ outcome: await runStatements(execution, machine) }),
  }
}

/** Output that takes time comes in so many pieces. */
const MOST_PIECES = 20

type End = { state: CommandOutcome['state']; exitCode: number | null; reason?: string }

async function runStatements(execution: Execution<'script.run'>, machine: SimulatedMachine): Promise<CommandOutcome> {
  const started = machine.look().now
  const deadline = Date.now() + execution.args.timeoutSeconds * 1000
  const lines: string[] = []
  const live = new LiveOutput(execution.commandId, execution.reply)
  const print = (text: string): void => {
    lines.push(text)
    live.add(Buffer.from(`${text}\n`))
  }
  const steering = steeringOf(execution.args.content)
  const end =
    (await steered(steering, execution, machine, deadline, print)) ?? (await walk(execution, machine, deadline, print))
  live.end()
  const finished = machine.look().now
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
  return {
    ...end,
    signal: null,
    output: bytes.subarray(0, MAX_OUTPUT_BYTES).toString().toWellFormed(),
    outputBytes: bytes.length,
    truncated: bytes.length > MAX_OUTPUT_BYTES,
    startedAt: started.toISOString(),
    finishedAt: finished.toISOString(),
    durationMs: finished.getTime() - started.getTime(),
  }
}

async function walk(
  { args, signal }: Execution<'script.run'>,
  machine: SimulatedMachine,
  deadline: number,
  print: (text: string) => void,
): Promise<End> {
  for (const statement of statementsOf(args.content)) {
    const result = answer(commandOf(statement), machine.look())
    if (result.act === 'exit') return ended(result.code)
    if (result.act === 'fail') {
      print(result.text)
      return ended(1)
    }
    if (result.act === 'print') {
      if (result.text !== '') print(result.text)
      continue
    }
    const pause = await paused(result.seconds * 1000, args.timeoutSeconds, deadline, signal)
    if (pause) return pause
  }
  return ended(0)
}

/** What the script's own marker asks for comes first; undefined when the rest of the script is to be walked. */
async function steered(
  { lines, seconds, fail }: Steering,
  { args, signal }: Execution<'script.run'>,
  machine: SimulatedMachine,
  deadline: number,
  print: (text: string) => void,
): Promise<End | undefined> {
  const { hostname } = machine.look().facts
  const pieces = Math.min(lines, seconds > 0 ? MOST_PIECES : 1)
  for (let piece = 0, line = 0; piece < Math.max(1, pieces); piece++) {
    for (const end = Math.ceil((lines * (piece + 1)) / Math.max(1, pieces)); line < end; line++)
      print(`line ${line + 1} of ${hostname}`)
    const pause = await paused((1000 * seconds) / Math.max(1, pieces), args.timeoutSeconds, deadline, signal)
    if (pause) return pause
  }
  return Math.random() < Math.max(fail, machine.failing) ? ended(1) : undefined
}

/** Undefined when it was slept through. */
async function paused(
  wantedMs: number,
  timeoutSeconds: number,
  deadline: number,
  signal: AbortSignal,
): Promise<End | undefined> {
  if (wantedMs <= 0) return undefined
  const leftMs = deadline - Date.now()
  if (!(await slept(Math.min(wantedMs, leftMs), signal)))
    return { state: 'interrupted', exitCode: null, reason: 'The device went down while the script ran' }
  if (wantedMs <= leftMs) return undefined
  return { state: 'timed_out', exitCode: null, reason: `The script ran longer than ${timeoutSeconds} s and was killed` }
}

const ended = (exitCode: number): End => ({ state: exitCode === 0 ? 'succeeded' : 'failed', exitCode })
