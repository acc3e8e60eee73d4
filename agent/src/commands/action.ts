import type { CommandArgs, CommandOutcome, CommandType, RESULT_DATA, ResultData } from '@breeze/contract/agent-commands'
import type { Execution, Executor } from '../executor.ts'
import { errorText } from '../log.ts'
import { printableText } from '../printable.ts'

const MAX_TEXT = 100_000

/** The device will not do this, whoever asks: the command is rejected, not failed. */
export class Refused extends Error {
  override name = 'Refused'
}

type DataOf<T extends CommandType> = T extends keyof typeof RESULT_DATA ? ResultData<T> : undefined

export interface Done<T extends CommandType> {
  data: DataOf<T>
  /** The answer for reading. */
  text: string
  /** Why it failed, where there is something to show all the same. */
  failure?: string
}

/** A command that changes something on the device, or reads what is worth protecting. */
export interface Action<T extends CommandType> {
  type: T
  timeoutMs: (args: CommandArgs<T>) => number
  /** Why this device can't. */
  unsupported(args: CommandArgs<T>): Promise<string | undefined>
  /** Throws where it can't be done; what it says of the reason is told. */
  act(args: CommandArgs<T>, signal: AbortSignal, execution: Execution<T>): Promise<Done<T>>
}

export function action<T extends CommandType>(options: Action<T>): Executor<T> {
  return {
    type: options.type,
    unsupported: (execution: Execution<T>) => options.unsupported(execution.args),
    async run(execution: Execution<T>) {
      const startedAt = new Date()
      const started = performance.now()
      const outcome = await outcomeOf(options, execution)
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

async function outcomeOf<T extends CommandType>(
  { act, timeoutMs }: Action<T>,
  execution: Execution<T>,
): Promise<CommandOutcome> {
  const { args, signal } = execution
  try {
    const done = await within(act(args, signal, execution), timeoutMs(args))
    if (done === 'timeout')
      return { state: 'timed_out', reason: 'The device did not get it done in time; it may still be' }
    const output = printableText(done.text, MAX_TEXT)
    return {
      ...(done.failure === undefined
        ? { state: 'succeeded' as const }
        : { state: 'failed' as const, reason: printableText(done.failure, 500) }),
      output,
      outputBytes: Buffer.byteLength(output),
      truncated: false,
      ...dataOf(done.data),
    }
  } catch (error) {
    if (signal.aborted && error instanceof Error && error.name === 'AbortError') {
      return { state: 'interrupted', reason: 'It was ended before it was done' }
    }
    const state = error instanceof Refused ? 'rejected' : 'failed'
    return { state, reason: printableText(errorText(error), 500) }
  }
}

function dataOf(data: unknown): { data?: unknown } {
  return data === undefined ? {} : { data }
}

async function within<T>(work: Promise<T>, milliseconds: number): Promise<T | 'timeout'> {
  const { promise, resolve } = Promise.withResolvers<'timeout'>()
  const timer = setTimeout(() => resolve('timeout'), milliseconds)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}
