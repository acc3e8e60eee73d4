/** The answer of a tool that sent commands. */
import type { z } from 'zod'
import type { Settled } from './await.ts'
import { countsByState, countsText, liveState, type operationShape, resultText } from './present.ts'

export const manyDevices = (count: number): string => `${count} device${count === 1 ? '' : 's'}`

const SHOWN = 20

/** `what` says in a few words what was sent, `follow` where to look for what has not finished. */
export function presentCommands(
  what: string,
  settled: Settled,
  follow = `get_operation ${settled.operation} tells what becomes of it.`,
): { text: string; data: z.infer<typeof operationShape> } {
  const { operation, progress, devices } = settled
  const unfinished = progress.total - progress.finished
  return {
    text: [
      `${what} on ${manyDevices(progress.total)}: ${countsText(progress)}.`,
      ...devices.slice(0, SHOWN).map(resultText),
      ...(unfinished > 0 ? [`${unfinished} not finished; ${follow}`] : []),
    ].join('\n'),
    data: {
      operation,
      state: liveState('running', progress),
      devices,
      total: progress.total,
      counts: countsByState(progress),
    },
  }
}
