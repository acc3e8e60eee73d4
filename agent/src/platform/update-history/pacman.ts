import { linesBackward, type LogLine, logFiles } from '../linux/log-files.ts'
import { logFingerprint } from './log-fingerprint.ts'
import { type HistoryKeeper, MOST_RECORDS, newest, type UpdateRecord } from './record.ts'

const LOG = '/var/log/pacman.log'

export const pacmanHistory = (root = ''): HistoryKeeper => ({
  source: LOG,
  fingerprint: () => logFingerprint(root + LOG),
  async read() {
    const files = await logFiles(root + LOG)
    return files ? newest(await parsePacmanLog(linesBackward(files))) : []
  },
})

/** `[2024-05-02T10:11:12+0200] [ALPM] …`; before 2019 the time was local and to the minute. */
const LINE = /^\[(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?)(?:([+-]\d\d)(\d\d))?\] \[ALPM\] (.*)$/
const UPGRADED = /^upgraded (\S+) \(\S+ -> (\S+)\)$/
const FAILED = /^error: problem occurred while (?:upgrading|installing) (\S+)$/

/** From the newest line to the oldest. What went wrong with a package stands in the lines before the one that names it. */
export async function parsePacmanLog(lines: AsyncIterable<LogLine>): Promise<UpdateRecord[]> {
  const records: UpdateRecord[] = []
  let unexplained: UpdateRecord | undefined
  for await (const { text } of lines) {
    if (records.length >= MOST_RECORDS) break
    const [, time = '', hours, minutes, message = ''] = LINE.exec(text) ?? []
    const at = new Date(`${time.replace(' ', 'T')}${hours === undefined ? '' : `${hours}:${minutes}`}`)
    if (Number.isNaN(at.getTime())) continue
    const [, explanation] = /^error: (.*)$/.exec(message) ?? []
    const [, failed] = FAILED.exec(message) ?? []
    if (unexplained && failed === undefined && explanation !== undefined) unexplained.reason = explanation
    unexplained = undefined
    const [, name, version] = UPGRADED.exec(message) ?? []
    if (name !== undefined && version !== undefined)
      records.push({ name, version, at: at.toISOString(), outcome: 'installed' })
    if (failed === undefined) continue
    unexplained = { name: failed, version: null, at: at.toISOString(), outcome: 'failed', reason: message }
    records.push(unexplained)
  }
  return records
}
