import {
  type CommandArgs,
  type CommandOutcome,
  type RESULT_DATA,
  type ResultData,
} from '@breeze/contract/agent-commands'
import type { Execution, Executor } from '../executor.ts'
import { errorText } from '../log.ts'
import { printableText } from '../printable.ts'

/** Beside the structured answer there is a readable one: for people, and shorter. */
const MAX_TEXT = 100_000

/** A command that only looks at the device. */
export interface Inspection<T extends keyof typeof RESULT_DATA> {
  type: T
  /** Why this device can't. */
  unsupported(args: CommandArgs<T>): Promise<string | undefined>
  /** Throws where it can't look; what it says of the reason is told. */
  look(args: CommandArgs<T>, signal: AbortSignal): Promise<ResultData<T>>
  /** The answer for reading. */
  text(data: ResultData<T>): string
}

export function inspection<T extends keyof typeof RESULT_DATA>(inspect: Inspection<T>): Executor<T> {
  return {
    type: inspect.type,
    unsupported: (execution: Execution<T>) => inspect.unsupported(argsOf(execution)),
    async run(execution: Execution<T>) {
      const startedAt = new Date()
      const started = performance.now()
      const outcome = await outcomeOf(inspect, argsOf(execution), execution.signal)
      return {
        outcome: {
          ...outcome,
          startedAt: startedAt.toISOString(),
          finishedAt: new Date().toISOString(),
          durationMs: Math.round(performance.now() - started),
        },
      }
    },
  }
}

/** The same type by two names; the compiler does not see it while T is open. */
function argsOf<T extends keyof typeof RESULT_DATA>(execution: Execution<T>): CommandArgs<T> {
  return execution.args as CommandArgs<T>
}

async function outcomeOf<T extends keyof typeof RESULT_DATA>(
  inspect: Inspection<T>,
  args: CommandArgs<T>,
  signal: AbortSignal,
): Promise<CommandOutcome> {
  try {
    const data = await inspect.look(args, signal)
    if (signal.aborted) return interrupted()
    const full = inspect.text(data)
    const output = printableText(full, MAX_TEXT)
    return {
      state: 'succeeded',
      data,
      output,
      outputBytes: Buffer.byteLength(full),
      truncated: output.length < full.trim().length,
    }
  } catch (error) {
    if (signal.aborted) return interrupted()
    return { state: 'failed', reason: printableText(errorText(error), 500) }
  }
}

function interrupted(): CommandOutcome {
  return { state: 'interrupted', reason: 'It was ended before it was done' }
}
