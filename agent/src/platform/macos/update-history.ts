import * as z from 'zod'
import { runProgram } from '../run-program.ts'
import { newest, type UpdateRecord } from '../update-history/record.ts'
import { lastLine } from '../updates/manager.ts'

const TIMEOUT_MS = 60_000
const MAX_BYTES = 8_000_000

/** Of Apple's software. macOS records what was installed, not what failed. */
export async function macosUpdateHistory() {
  const args = ['SPInstallHistoryDataType', '-json']
  const result = await runProgram('system_profiler', args, { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, nice: true })
  if (result.exitCode !== 0) throw new Error(`system_profiler failed: ${lastLine(result.stderr)}`)
  return newest(parseInstallHistory(JSON.parse(result.stdout)))
}

const history = z.object({
  SPInstallHistoryDataType: z.array(
    z.object({
      _name: z.string(),
      install_date: z.string().optional(),
      install_version: z.string().optional(),
      package_source: z.string().optional(),
    }),
  ),
})

export function parseInstallHistory(value: unknown): UpdateRecord[] {
  return history.parse(value).SPInstallHistoryDataType.flatMap((item) => {
    const { _name: name, install_date: date, install_version: version, package_source: source } = item
    const at = new Date(date ?? Number.NaN)
    const isApples = source === undefined || source === 'package_source_apple'
    if (Number.isNaN(at.getTime()) || !isApples) return []
    return [{ name, version: version?.trim() || null, at: at.toISOString(), outcome: 'installed' as const }]
  })
}
