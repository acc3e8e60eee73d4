import { basename } from 'node:path'
import type { LogLine } from '../linux/log-files.ts'

/** What dpkg said while apt ran, from the record of its terminal. */
export interface Session {
  startedAt: Date
  /** Per package that it could not install or configure: why. */
  reasons: ReadonlyMap<string, string>
}

/** A session says more than this only when a program in it has lost its mind. */
const MOST_LINES = 50_000

/** The newest first. */
export async function* sessionsBackward(lines: AsyncIterable<LogLine>): AsyncGenerator<Session> {
  let session: string[] = []
  for await (const { text } of lines) {
    if (session.length < MOST_LINES) session.push(text)
    if (!text.startsWith('Log started:')) continue
    const startedAt = localTime(text.slice('Log started:'.length).trim())
    if (startedAt) yield { startedAt, reasons: reasonsIn(session.toReversed()) }
    session = []
  }
}

const FAILED = /^dpkg: error processing (package|archive) (\S+) \(--[a-z-]+\):$/

/** What dpkg itself says of its progress, and of packages that wait for others. */
const PROGRESS =
  /^(?:Setting up|Preparing to|Unpacking|Selecting|Removing|Purging|Processing triggers|\(Reading|Log |Errors |dpkg: | |$)/

/** Each error names a package, or the archive of one; what is wrong stands below it, indented, and what its script said above. */
export function reasonsIn(lines: readonly string[]): Map<string, string> {
  const reasons = new Map<string, string>()
  const clean = lines.map(withoutControls)
  for (const [index, line] of clean.entries()) {
    const [, kind, what = ''] = FAILED.exec(line) ?? []
    if (kind === undefined) continue
    const end = clean.findIndex((other, place) => place > index && !other.startsWith(' '))
    const said = clean.slice(index + 1, end === -1 ? undefined : end).map((text) => text.trim())
    const above = clean[index - 1] ?? ''
    const script = PROGRESS.test(above) ? [] : [above.trim()]
    reasons.set(
      kind === 'archive' ? packageOf(what) : withoutArchitecture(what),
      [...said, ...script].join(': ') || line,
    )
  }
  return reasons
}

const withoutArchitecture = (name: string): string => name.replace(/:[a-z0-9-]+$/, '')

/** `/var/cache/apt/archives/name_version_architecture.deb`, in a numbered folder of links with an ordinal before it. */
const packageOf = (path: string): string =>
  basename(path)
    .replace(/^\d+-(?=.+_)/, '')
    .split('_', 1)[0] ?? path

/** Progress bars and colours: what stands after the last carriage return is what stayed on the screen. */
function withoutControls(line: string): string {
  const shown = line.replace(/\r+$/, '').split('\r').at(-1) ?? ''
  // oxlint-disable-next-line no-control-regex -- a terminal's record is full of them
  return shown.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]|\u001b[78]|[\u0000-\u0008\u000b-\u001f\u007f]/g, '')
}

/** `2026-11-25  23:30:42`, by the system's own time zone. */
export function localTime(text: string | undefined): Date | undefined {
  const [, day, time] = /^(\d{4}-\d\d-\d\d)\s+(\d\d:\d\d:\d\d)/.exec(text ?? '') ?? []
  const at = new Date(`${day}T${time}`)
  return Number.isNaN(at.getTime()) ? undefined : at
}
