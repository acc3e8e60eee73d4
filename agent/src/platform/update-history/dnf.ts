import { Unsupported } from '../../collectors/section.ts'
import { fileFingerprint } from '../packages/manager.ts'
import { type ProgramResult, runProgram } from '../run-program.ts'
import { lastLine } from '../updates/manager.ts'
import { type HistoryKeeper, newest, type UpdateRecord } from './record.ts'

const TIMEOUT_MS = 60_000
const MAX_BYTES = 8_000_000
/** Transactions that are read: each may hold hundreds of packages. */
const TRANSACTIONS = 30
const DATABASES = [
  '/usr/lib/sysimage/libdnf5/transaction_history.sqlite',
  '/var/lib/dnf/history.sqlite',
  '/var/lib/yum/history',
]

export const dnfHistory: HistoryKeeper = {
  source: 'dnf history',
  async fingerprint() {
    const found = await Promise.all(
      DATABASES.flatMap((path) => [`${path}-wal`, path]).map((path) => fileFingerprint([path])),
    )
    return found.some((one) => one !== undefined) ? found.join('\n') : undefined
  },
  async read() {
    const list = await dnf(['history', 'list'])
    if (list.exitCode !== 0) throw new Error(`dnf history failed: ${lastLine(list.stderr)}`)
    const ids = parseTransactionIds(list.stdout).slice(0, TRANSACTIONS)
    if (ids.length === 0) return []
    const info = await dnf(['history', 'info', ...ids])
    if (info.exitCode !== 0) throw new Error(`dnf history info failed: ${lastLine(info.stderr)}`)
    return newest(parseTransactions(info.stdout))
  },
}

async function dnf(args: readonly string[]): Promise<ProgramResult> {
  const options = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, nice: true }
  try {
    return await runProgram('dnf', ['-q', ...args], options)
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error
    return await runProgram('yum', ['-q', ...args], options)
  }
}

/** The first column of the table, the newest first. */
export function parseTransactionIds(text: string): string[] {
  return [...text.matchAll(/^\s*(\d+)(?: \||\s)/gm)].map(([, id = '']) => id)
}

/** Blocks of `Key : value` lines, then the packages; dnf 4 (`Return-Code`) and dnf 5 (`Status`) differ in the words. */
export function parseTransactions(text: string): UpdateRecord[] {
  return text
    .split(/^(?=Transaction ID\s*:)/m)
    .filter((block) => block.startsWith('Transaction ID'))
    .flatMap(recordsOf)
}

const UPDATED = /^\s+(?:\*\*\s*)?(?:Upgrade|Update|Updated by|Upgrading)\s+(\S+)/
/** Installed beside the one before it, an update all the same. */
const KERNEL = /^\s+Install\s+(kernel(?:-core|-rt|-uek)?-\d\S*)/

function recordsOf(block: string): UpdateRecord[] {
  const value = (key: string): string | undefined => new RegExp(`^${key}\\s*: (.*)$`, 'm').exec(block)?.[1]?.trim()
  const at = timeOf(value('End time')) ?? timeOf(value('Begin time'))
  if (!at) return []
  const failure = failureOf(value('Return-Code') ?? value('Status'), block)
  return block.split('\n').flatMap((line): UpdateRecord[] => {
    const full = (UPDATED.exec(line) ?? KERNEL.exec(line))?.[1]
    const [, name, version] = /^(.+)-([^-]+-[^-]+)\.[a-z0-9_]+$/.exec(full ?? '') ?? []
    if (name === undefined || version === undefined) return []
    const update = { name, version: version.replace(/^0:/, ''), at: at.toISOString() }
    return [failure === null ? { ...update, outcome: 'installed' } : { ...update, outcome: 'failed', reason: failure }]
  })
}

/** Null for success. What the transaction printed as errors says more than its code. */
function failureOf(code: string | undefined, block: string): string | null {
  if (code === undefined || /^(?:Success|Ok)$/i.test(code)) return null
  const [, errors] = /^Errors:\n((?:\s+\d+ .*\n?)+)/m.exec(block) ?? []
  const said = errors
    ?.split('\n')
    .map((line) => line.replace(/^\s*\d+ /, '').trim())
    .filter(Boolean)
    .join(' ')
  return said || code.replaceAll('*', '').trim()
}

/** `Thu May  2 10:11:12 2024 (60 seconds)` or `2024-05-02 10:11:12`, by the system's own time zone. */
function timeOf(text: string | undefined): Date | undefined {
  const at = new Date((text ?? '').replace(/\s*\(.*$/, ''))
  return Number.isNaN(at.getTime()) ? undefined : at
}
