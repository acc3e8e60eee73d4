/** How the commands of an operation are shown: the shapes that every tool that acts on devices answers with. */
import { z } from 'zod'
import type { OperationState } from '../../kernel/operations.ts'
import { deviceText, fenced, quoted } from '../../kernel/content/device-text.ts'
import { readableData } from './readable.ts'
import type { CommandResult } from './reads.ts'
import { returnText } from './returns.ts'
import type { OperationProgress } from './service.ts'
import { isOpen } from './tables.ts'

/** Characters of device output in one answer, over all its devices: about 6,000 tokens. */
export const OUTPUT_BUDGET = 24_000
const LONGEST_REASON = 500

export const deviceResultShape = z.object({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  exit_code: z.number().int().nullable().optional(),
  output: deviceText(OUTPUT_BUDGET).optional(),
  truncated: z.boolean().optional(),
  output_bytes: z.number().int().nullable().optional(),
  duration_ms: z.number().int().nullable().optional(),
  reason: deviceText(LONGEST_REASON).optional(),
  expires_at: z.string().optional().describe('Of a queued one: the last moment it may start.'),
})
/** Who gave the reason decides how it is quoted; the shape drops it. */
export type DeviceResult = z.infer<typeof deviceResultShape> & { reasonBy?: 'device' | 'server' }

export const operationShape = z.object({
  operation: z.string(),
  state: z.string(),
  devices: z.array(deviceResultShape),
  total: z.number().int(),
  counts: z.record(z.string(), z.number()),
})

export const outputShare = (devices: number): number =>
  Math.max(200, Math.min(8000, Math.floor(OUTPUT_BUDGET / Math.max(1, devices))))

/** As JSON: a file of the largest size, in base64, and what stands around it. */
const DATA_BUDGET = 1_500_000

/** What to read of each of so many results. */
export const answerShares = (devices: number): { outputCharacters: number; dataCharacters: number } => ({
  outputCharacters: outputShare(devices),
  dataCharacters: Math.floor(DATA_BUDGET / Math.max(1, devices)),
})

/** `now`: where what became of the device afterwards is told too. */
export function deviceResult(result: CommandResult, name: string, now?: Date): DeviceResult {
  const afterwards = now && returnText(result, now)
  return {
    id: result.deviceId,
    name,
    state: result.state,
    exit_code: result.exitCode,
    ...shownOutput(result),
    duration_ms: result.durationMs,
    ...(afterwards ? { reason: afterwards, reasonBy: 'server' as const } : reasonOf(result)),
    ...(result.state === 'queued' && { expires_at: result.expiresAt }),
  }
}

function reasonOf({ state, reason, cancelReason, resultAt }: CommandResult): Pick<DeviceResult, 'reason' | 'reasonBy'> {
  if (cancelReason !== null && isOpen(state)) return { reason: `asked to stop: ${cancelReason}`, reasonBy: 'server' }
  if (reason === null) return {}
  // Until a result came, the reason is the server's own; so is that of a cancel, whoever confirms it.
  return { reason, reasonBy: resultAt === null || reason === cancelReason ? 'server' : 'device' }
}

/** A device that got no command, as an operation tells of it afterwards. */
export const leftOutResult = (id: string, name: string): DeviceResult => ({
  id,
  name,
  state: 'rejected',
  reason: 'it could not carry this out, and was sent nothing',
})

/** What a command found, as text of the server's making; else what it wrote. */
function shownOutput(result: CommandResult): Partial<DeviceResult> {
  const found = readableData(result)
  if (found !== null) return { output: found, truncated: false }
  if (result.output === null) return {}
  return { output: result.output, truncated: result.truncated, output_bytes: result.outputBytes }
}

/** Where an answer has what was found in a field of its own. */
export const withoutOutput = ({ output: _output, truncated: _truncated, ...result }: DeviceResult): DeviceResult =>
  result

/** Only the states that occur. */
export function countsByState(progress: OperationProgress): Record<string, number> {
  return Object.fromEntries(Object.entries(progress.byState).filter(([, n]) => n > 0))
}

/** What the operation's commands say, where the row is not brought up to date yet. */
export function liveState(stored: OperationState, progress: OperationProgress): OperationState | 'queued' {
  if (stored !== 'running' || progress.total === 0) return stored
  const { byState } = progress
  if (byState.queued === progress.total) return 'queued'
  if (progress.finished < progress.total) return 'running'
  if (byState.succeeded === progress.total) return 'succeeded'
  if (byState.cancelled === progress.total) return 'cancelled'
  return byState.succeeded === 0 ? 'failed' : 'partial'
}

export function countsText(progress: OperationProgress): string {
  return Object.entries(countsByState(progress))
    .map(([state, n]) => `${n} ${state.replace('_', ' ')}`)
    .join(', ')
}

/** A device and, fenced, what it said. The fence tells whose words these are. */
export function resultText(result: DeviceResult): string {
  const exit = result.exit_code === null || result.exit_code === undefined ? '' : `, exit code ${result.exit_code}`
  const lines = [`${result.name}: ${result.state}${exit}${reasonText(result)}`]
  if (result.output) {
    lines.push(fenced(`output of ${result.name}`, result.output, OUTPUT_BUDGET))
    if (result.truncated) lines.push(`(cut; ${result.output_bytes ?? 'more'} bytes in all)`)
  }
  return lines.join('\n')
}

function reasonText({ reason, reasonBy }: DeviceResult): string {
  if (!reason) return ''
  return reasonBy === 'device' ? ` (the device says: ${quoted(reason, LONGEST_REASON)})` : ` (${reason})`
}
