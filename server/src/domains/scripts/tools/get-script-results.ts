import { MAX_OUTPUT_BYTES } from '@breeze/contract/agent-commands'
import { z } from 'zod'
import { makeCursor, readCursor } from '../../../kernel/cursor.ts'
import { invalidInput } from '../../../kernel/errors.ts'
import type { Tx } from '../../../kernel/db.ts'
import { defineTool, type RunContext } from '../../../kernel/tool.ts'
import {
  countsByState,
  countsText,
  deviceResult,
  deviceResultShape,
  liveState,
  OUTPUT_BUDGET,
  resultText,
} from '../../commands/present.ts'
import type { CommandResult, ResultsPage } from '../../commands/reads.ts'
import { COMMAND_STATES } from '../../commands/tables.ts'
import { deviceNames } from '../../devices/names.ts'
import { deviceId } from '../../devices/select.ts'
import { rolloutText } from '../../rollouts/present.ts'
import { rolloutOfOperation } from '../../rollouts/reads.ts'
import { searchOutput } from '../search-output.ts'
import { findRun } from '../service.ts'

export default defineTool({
  name: 'get_script_results',
  title: 'Get script results',
  description:
    'Reads a script run: per device state, exit code, duration and output, of one that still runs the output so far; counts over all devices. Searches in output. For one device, more of its output, on by offset.',
  area: 'scripts',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'scripts.read' },
  deviceText: true,
  input: z.object({
    run: z.string().max(100).describe('Run id from run_script.'),
    device: z.string().min(1).max(255).optional().describe('Id or name.'),
    state: z.enum(COMMAND_STATES).optional(),
    text: z.string().min(2).max(200).optional().describe('Part of the output.'),
    offset: z
      .number()
      .int()
      .min(0)
      .max(MAX_OUTPUT_BYTES)
      .default(0)
      .describe('Of one device: where its output begins.'),
    limit: z.number().int().min(1).max(200).default(25),
    cursor: z.string().max(500).optional(),
  }),
  output: z.object({
    run: z.string(),
    operation: z.string(),
    state: z.string(),
    devices: z.array(deviceResultShape),
    total: z.number().int(),
    counts: z.record(z.string(), z.number()),
    next_offset: z.number().int().optional(),
    next_cursor: z.string().optional(),
  }),
  async run(context, input) {
    const { tx, services } = context
    if (input.offset > 0 && input.device === undefined)
      throw invalidInput('offset: needs a device, whose output it is.')
    const run = await findRun(tx, input.run)
    const device = input.device === undefined ? undefined : await deviceId(tx, input.device)
    if (input.text !== undefined && input.offset > 0) throw invalidInput('offset: not with text.')
    const filter = { run: run.id, device, state: input.state, text: input.text }
    const after = input.cursor === undefined ? undefined : commandId(readCursor('script_results', filter, input.cursor))
    const progress = await services.commands.operationProgress(tx, run.operation)
    const view = await rolloutOfOperation(tx, run.operation, context.now(), 0)
    // Half of what an answer may hold: a character of the database's is up to two of ours, and none may be lost.
    const share = Math.floor(OUTPUT_BUDGET / 2 / Math.min(input.limit, Math.max(1, device ? 1 : progress.total)))
    const page = {
      ...(after && { after }),
      ...(device && { deviceId: device }),
      ...(input.state && { state: input.state }),
    }
    const { shown, last } = await (input.text === undefined
      ? pageOfResults(context, run.operation, page, { ...input, share })
      : found(context, run.operation, page, { text: input.text, limit: input.limit, share }))
    const names = await deviceNames(
      tx,
      shown.map((result) => result.deviceId),
    )
    return {
      run,
      view,
      progress,
      next: device === undefined || input.text !== undefined ? undefined : shown[0]?.nextOffset,
      devices: shown.map((result) => deviceResult(result, names.get(result.deviceId) ?? result.deviceId)),
      cursor: last === null ? null : makeCursor('script_results', filter, [last]),
    }
  },
  present({ run, view, progress, devices, next, cursor }) {
    // Of a run in stages most devices have no command yet.
    const total = view?.total ?? progress.total
    const unsent = view?.unsent ?? 0
    const counts = { ...countsByState(progress), ...(unsent > 0 && { waiting: unsent }) }
    return {
      text: [
        `Run ${run.id}: ${countsText(progress)}.`,
        ...(view ? [rolloutText(view)] : []),
        ...devices.map(resultText),
        ...(next === undefined ? [] : [`Pass offset ${next} for the rest of the output.`]),
        ...(cursor ? ['Pass next_cursor as cursor for more devices.'] : []),
      ].join('\n'),
      data: {
        run: run.id,
        operation: run.operation,
        state: view ? view.rollout.state : liveState('running', progress),
        devices,
        total,
        counts,
        ...(next !== undefined && { next_offset: next }),
        ...(cursor && { next_cursor: cursor }),
      },
    }
  },
})

type Page = Pick<ResultsPage, 'after' | 'deviceId' | 'state'>
type Shown = CommandResult & { nextOffset?: number }
/** `last`: of the page, where others follow. */
type Results = { shown: Shown[]; last: string | null }

async function pageOfResults(
  { tx, services }: RunContext,
  operation: string,
  page: Page,
  { limit, offset, share }: { limit: number; offset: number; share: number },
): Promise<Results> {
  const bounds = { limit: limit + 1, outputCharacters: share, outputOffset: offset }
  const results = await services.commands.results(tx, operation, { ...page, ...bounds })
  const shown = results.slice(0, limit).map((result) => ({ ...result, ...pageOf(result, offset) }))
  return { shown, last: results.length > limit ? (shown.at(-1)?.id ?? null) : null }
}

async function found(
  { tx, services }: RunContext,
  operation: string,
  page: Page,
  wanted: { text: string; limit: number; share: number },
): Promise<Results> {
  const read = (of: Tx, bounds: ResultsPage) => services.commands.results(of, operation, bounds)
  const { results, next } = await searchOutput(tx, read, page, wanted)
  return { shown: results, last: next }
}

/**
 * Where more follows, a page ends with a line: what is masked in one piece must not be cut in two. Offsets count as the
 * database does, in characters.
 */
function pageOf(
  { output, outputLength }: CommandResult,
  offset: number,
): { output: string | null; nextOffset?: number } {
  if (output === null) return { output }
  const characters = [...output].length
  if (offset + characters >= outputLength || characters === 0) return { output }
  const lineEnd = output.lastIndexOf('\n') + 1
  const whole = lineEnd > output.length / 2 ? output.slice(0, lineEnd) : output
  return { output: whole, nextOffset: offset + [...whole].length }
}

function commandId(key: readonly (string | number | null)[]): string {
  const [id] = key
  const said = z.uuid().safeParse(id)
  if (!said.success) throw invalidInput('cursor: not of this list.', 'Start again without a cursor.')
  return said.data
}
