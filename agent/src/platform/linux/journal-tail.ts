import type { LogTail, TailRead } from '../log-tail.ts'
import { runProgram } from '../run-program.ts'
import { hasJournal, JOURNAL_FIELDS, parseJournalRecords } from './journald.ts'

const MAX_BYTES = 8_000_000
/** The position in a journal that had nothing to point at. */
const SINCE = /^@(\d+)$/

/** `matches` are of our own making: FIELD=value, and `+` between alternatives. */
export function journalTail(matches: readonly string[]): () => Promise<LogTail | string> {
  return async () => {
    if (!(await hasJournal())) return 'no systemd journal'
    if (process.getuid?.() !== 0) return 'the systemd journal is shown to root only'
    return { source: 'systemd journal', read: (position) => readOn(position, matches) }
  }
}

async function readOn(position: string | undefined, matches: readonly string[]): Promise<TailRead> {
  const { stdout, stderr, exitCode } = await runProgram(
    'journalctl',
    [
      '--no-pager',
      '--quiet',
      '--output=json',
      `--output-fields=${JOURNAL_FIELDS}`,
      '--show-cursor',
      ...startAt(position),
      ...matches,
    ],
    { timeoutMs: 20_000, maxBytes: MAX_BYTES },
  )
  // The journal was replaced: what the old one had behind the position is gone with it.
  if (exitCode !== 0 && position !== undefined && /cursor/i.test(stderr)) return await readOn(undefined, matches)
  // With nothing to show it has no cursor to show either, and calls that a failure.
  const isEmpty = exitCode === 1 && stdout === '' && stderr === ''
  if (exitCode !== 0 && !isEmpty)
    throw new Error(`journalctl ended with ${exitCode}: ${stderr.trim().split('\n')[0] ?? ''}`)
  const records = parseJournalRecords(stdout)
  const last = /^-- cursor: (\S+)$/m.exec(stdout)?.[1] ?? records.at(-1)?.cursor
  return {
    entries: records.filter(({ cursor }) => cursor !== position).map((record) => record.entry),
    position: last ?? position ?? `@${Math.floor(Date.now() / 1000)}`,
  }
}

function startAt(position: string | undefined): string[] {
  if (position === undefined) return ['--lines=0']
  const since = SINCE.exec(position)
  // Not `--after-cursor`: where the entry itself is gone, that passes over the first one behind it.
  return [since ? `--since=@${since[1]}` : `--cursor=${position}`]
}
