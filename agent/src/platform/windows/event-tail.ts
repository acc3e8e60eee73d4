import * as z from 'zod'
import { entry } from '../log-query.ts'
import type { FailedSignIn, LogTail, TailEntry, TailRead } from '../log-tail.ts'
import { runProgram } from '../run-program.ts'
import { xmlText } from '../xml-text.ts'
import { COMMON_CHANNELS, WINDOWS_LEVELS } from './event-log.ts'

/** Events of one channel that are read at once; those behind wait for the next read. */
const MOST = 2000
/** An account that failed to log on, and Kerberos' own refusal on a domain controller. */
const FAILED_SIGN_INS = [4625, 4771]

const positions = z.record(z.string(), z.number().int().min(0))

/** Of the Security log of a busy server, failed sign-ins are one in thousands: `onlySignIns` has Windows leave out the rest. */
export function windowsTail(log: string, onlySignIns: boolean): LogTail {
  const { logs, providers } = COMMON_CHANNELS[log] ?? { logs: log }
  const channels = logs.split(';')
  const wanted = providers && matcher(providers.split(';'))
  const read = async (position: string | undefined): Promise<TailRead> => {
    const before = position === undefined ? {} : positions.parse(JSON.parse(position))
    const after: Record<string, number> = {}
    const entries: TailEntry[] = []
    for (const channel of channels) {
      const newest = await newestRecord(channel)
      // A log that was emptied counts from the start again.
      const from = Math.min(before[channel] ?? newest, newest)
      const found = from === newest ? [] : await events(channel, from, onlySignIns)
      after[channel] = found.length === MOST ? (found.at(-1)?.record ?? newest) : newest
      entries.push(...found.filter(({ told }) => !wanted || wanted.test(told.source)).map(({ told }) => told))
    }
    return { entries, position: JSON.stringify(after) }
  }
  return { source: `event log ${channels.join(', ')}`, read }
}

function matcher(providers: readonly string[]): RegExp {
  const patterns = providers.map((name) => name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
  return new RegExp(`^(?:${patterns.join('|').replaceAll(String.raw`\*`, '.*')})$`, 'i')
}

async function newestRecord(channel: string): Promise<number> {
  const [newest] = parseEventXml(await query(channel, ['/c:1', '/rd:true', '/f:xml']))
  return newest?.record ?? 0
}

async function events(channel: string, after: number, onlySignIns: boolean): Promise<WindowsEvent[]> {
  const ids = FAILED_SIGN_INS.map((id) => `EventID=${id}`).join(' or ')
  const path = `*[System[EventRecordID>${after}${onlySignIns ? ` and (${ids})` : ''}]]`
  return parseEventXml(await query(channel, [`/q:${path}`, `/c:${MOST}`, '/f:RenderedXml']))
}

/** A channel's name is one argument and no option: it was checked to begin with a letter or digit. */
async function query(channel: string, args: readonly string[]): Promise<string> {
  const options = { timeoutMs: 30_000, maxBytes: 32_000_000, encoding: 'utf16le' } as const
  const { stdout, stderr, exitCode } = await runProgram('wevtutil.exe', ['qe', channel, ...args, '/uni:true'], options)
  if (exitCode !== 0) throw new Error(`wevtutil ended with ${exitCode}: ${stderr.trim().split('\n')[0] ?? ''}`)
  return stdout
}

export interface WindowsEvent {
  record: number
  told: TailEntry
}

/** What `wevtutil qe /f:RenderedXml` prints: one `Event` element after the other. The last may be cut off. */
export function parseEventXml(xml: string): WindowsEvent[] {
  return [...xml.matchAll(/<Event[\s>].*?<\/Event>/gs)].flatMap(([event]) => {
    const record = Number(element(event, 'EventRecordID') ?? Number.NaN)
    if (!Number.isInteger(record)) return []
    const id = Number(element(event, 'EventID'))
    const at = new Date(attribute(event, 'TimeCreated', 'SystemTime') ?? Number.NaN)
    const level = WINDOWS_LEVELS[Number(element(event, 'Level') ?? 0)] ?? null
    const provider = attribute(event, 'Provider', 'Name') ?? ''
    // A provider that is not installed any more leaves events without a text.
    const message = element(event, 'Message')?.replaceAll('\r\n', '\n') ?? `event ${id}`
    const told = entry(Number.isNaN(at.getTime()) ? null : at, level, provider, message)
    return [{ record, told: FAILED_SIGN_INS.includes(id) ? { ...told, signIn: failedSignIn(event) } : told }]
  })
}

function failedSignIn(event: string): FailedSignIn {
  const data = new Map(
    [...event.matchAll(/<Data Name=(['"])(.*?)\1>(.*?)<\/Data>/gs)].map(([, , name, value]) => [
      name,
      known(xmlText(value ?? '')),
    ]),
  )
  const [domain, user] = [data.get('TargetDomainName'), data.get('TargetUserName')]
  const address = data.get('IpAddress')?.replace(/^::ffff:/i, '')
  return { user: user && domain ? `${domain}\\${user}` : (user ?? null), address: address ?? null, count: 1 }
}

/** Windows writes a dash for what is not known. */
const known = (value: string): string | undefined => (value === '' || value === '-' ? undefined : value)

function element(event: string, name: string): string | undefined {
  const found = new RegExp(`<${name}(?:\\s[^>]*)?>(.*?)</${name}>`, 's').exec(event)?.[1]
  return found === undefined ? undefined : xmlText(found)
}

function attribute(event: string, name: string, attributeName: string): string | undefined {
  const found = new RegExp(`<${name}\\s[^>]*?\\b${attributeName}=(['"])(.*?)\\1`, 's').exec(event)?.[2]
  return found === undefined ? undefined : xmlText(found)
}
