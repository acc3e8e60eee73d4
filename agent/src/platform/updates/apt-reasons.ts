import { reasonsIn } from '../update-history/apt-sessions.ts'

const LONGEST = 400

/** Another apt or dpkg is at work. */
export const isLocked = (text: string): boolean =>
  /^E: (?:Could not get lock|Unable to (?:lock|acquire the dpkg frontend lock))/m.test(text)

/** One before this was killed while dpkg worked. */
export const isInterrupted = (text: string): boolean => /^E: dpkg was interrupted/m.test(text)

/** What apt or dpkg says of one package: dependencies, what could not be fetched, what its archive or script failed with. */
export function packageReasons(text: string): Map<string, string> {
  const lines = text.split('\n')
  return new Map([...unmet(lines), ...unfetched(lines), ...reasonsIn(lines)])
}

/** Below a headline, ` name : Depends: other (>= 2) but 1 is to be installed`, and more of one indented further. */
function* unmet(lines: readonly string[]): Generator<[string, string]> {
  const start = lines.findIndex((line) => line.startsWith('The following packages have unmet dependencies'))
  if (start === -1) return
  let name: string | undefined
  let words: string[] = []
  for (const line of lines.slice(start + 1)) {
    const [, next, what] = /^ (\S+) : (.*)$/.exec(line) ?? []
    if (!line.startsWith(' ')) break
    if (next !== undefined && name !== undefined) yield [name, reason(words)]
    if (next !== undefined) [name, words] = [next.replace(/:[a-z0-9-]+$/, ''), []]
    words.push((what ?? line).trim())
  }
  if (name !== undefined) yield [name, reason(words)]
}
const reason = (words: readonly string[]): string => clipped(`unmet dependencies: ${words.join('; ')}`)

/** `E: Failed to fetch http://…/name_version_architecture.deb  404  Not Found`, on one line or the next. */
function* unfetched(lines: readonly string[]): Generator<[string, string]> {
  for (const line of lines) {
    const [, name, what] = /^E: Failed to fetch \S*\/([a-z0-9][a-z0-9+.-]+)_[^/\s]+\.deb\s+(.*)$/.exec(line) ?? []
    if (name !== undefined) yield [name, clipped(`could not be fetched: ${(what ?? '').trim()}`)]
  }
}

/** The first error is the cause; a headline over the last ones only sums up. A held package is told beside. */
export function aptReason(text: string): string {
  const errors = [...text.matchAll(/^E: (.+)$/gm)].map((match) => (match[1] ?? '').trim())
  const telling = errors.find((error) => !SUMMARIES.test(error)) ?? errors[0]
  if (telling !== undefined) return clipped(telling)
  const last = text.trim().split('\n').at(-1) ?? ''
  return clipped(last === '' ? 'apt failed without a word' : last)
}
const SUMMARIES =
  /^(?:Sub-process |Unable to fetch some archives|Unable to correct problems|Some index files failed|Problem executing scripts)/

const clipped = (text: string): string => text.replaceAll(/\s+/g, ' ').slice(0, LONGEST)
