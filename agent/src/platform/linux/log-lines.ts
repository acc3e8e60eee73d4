import type { LogEntry } from '@breeze/contract/agent-commands'
import { entry, levelOfPriority } from '../log-query.ts'
import type { LogLine } from './log-files.ts'

const DAY_MS = 86_400_000
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/**
 * Lines of a syslog file as entries: the traditional format (RFC 3164, whose time has no year and no zone), the one with
 * ISO 8601 times, and RFC 5424, with or without the priority before them. A line of none of them is a message alone.
 */
export async function* syslogEntries(lines: AsyncIterable<LogLine>): AsyncGenerator<LogEntry> {
  const years = new YearGuess()
  for await (const line of lines) yield parseSyslogLine(line, years)
}

const PRIORITY = /^<(\d{1,3})>(?:1 )?/
const TRADITIONAL = /^([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d) \S+ (.*)$/s
const ISO = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)) \S+ (.*)$/s
const RFC5424 = /^(\S+) (\S+) \S+ (?:-|\[.*?\])(?: (.*))?$/s

export function parseSyslogLine({ text, writtenAt }: LogLine, years: YearGuess): LogEntry {
  const priority = PRIORITY.exec(text)
  const line = priority ? text.slice(priority[0].length) : text
  const level = priority ? levelOfPriority(Number(priority[1]) & 7) : null
  const iso = ISO.exec(line)
  if (iso) {
    const at = new Date(iso[1] ?? '')
    const structured = priority?.[0].endsWith('1 ') ? RFC5424.exec(iso[2] ?? '') : undefined
    if (structured) return entry(valid(at), level, structured[1] ?? '', structured[3] ?? '')
    return tagged(valid(at), level, iso[2] ?? '')
  }
  const traditional = TRADITIONAL.exec(line)
  if (!traditional) return entry(null, level, '', line)
  const [, month = '', day, hour, minute, second, rest = ''] = traditional
  const at = years.date(MONTHS.indexOf(month), [day, hour, minute, second].map(Number), writtenAt)
  return tagged(at, level, rest)
}

/** `program[pid]: message`. */
function tagged(at: Date | null, level: LogEntry['level'], text: string): LogEntry {
  const [, program = '', message = text] = /^([^\s:[\]]{1,128})(?:\[[^\]]{0,32}\])?: ?(.*)$/s.exec(text) ?? []
  return entry(at, level, program, message)
}

/** Reading from the newest to the oldest, a time without a year is the last one before what was read already. */
export class YearGuess {
  #newest: number | undefined

  date(month: number, [day = 0, hour = 0, minute = 0, second = 0]: number[], writtenAt: Date): Date | null {
    if (month < 0) return null
    // A day to spare: clocks are set back, and daylight saving time ends.
    const latest = Math.min(this.#newest ?? Number.POSITIVE_INFINITY, writtenAt.getTime()) + DAY_MS
    const year = new Date(latest).getFullYear()
    // Eight years hold a leap day even around 2100.
    for (let back = 0; back <= 8; back++) {
      const at = new Date(year - back, month, day, hour, minute, second)
      if (at.getMonth() !== month || at.getDate() !== day || at.getTime() > latest) continue
      this.#newest = at.getTime()
      return at
    }
    return null
  }
}

/** `2026-11-25 10:00:00 …` as dpkg, dnf, pacman and zypper write it; without a zone it is local time. */
const DATED = /^\[?(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,]\d{1,9})? ?(Z|[+-]\d\d(?::?\d\d)?)?\]?(?:[|: ]\s*)(.*)$/s

export async function* datedEntries(lines: AsyncIterable<LogLine>, source: string): AsyncGenerator<LogEntry> {
  for await (const { text } of lines) yield parseDatedLine(text, source)
}

export function parseDatedLine(text: string, source: string): LogEntry {
  const [, day, time, zone = '', message = ''] = DATED.exec(text) ?? []
  if (day === undefined) return entry(null, null, source, text)
  const offset = /^[+-]\d\d$/.test(zone) ? `${zone}:00` : zone.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2')
  return entry(valid(new Date(`${day}T${time}${offset}`)), null, source, message)
}

function valid(date: Date): Date | null {
  return Number.isNaN(date.getTime()) ? null : date
}
