import { open, readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode } from '../error-code.ts'
import { bootTime, readText, readTextIfPresent } from '../linux.ts'
import { type ProcessRow, processRow, type ProcessTable, roundPercent } from '../process-table.ts'
import { parsePasswd } from './accounts.ts'

const SAMPLE_MS = 1000
/** USER_HZ: what the kernel counts processor time in for programs, on every architecture we run on. */
const TICKS_PER_SECOND = 100
/** At once, so that a machine with ten thousand processes does not hold up the agent's heartbeat. */
const BATCH = 64
/** Of a command line, enough for what is kept of it even when it is all multi-byte characters. */
const COMMAND_LINE_BYTES = 4096

/** Processor use is measured between two looks a second apart; of a process that is newer, since its start. */
export async function linuxProcesses(signal: AbortSignal): Promise<ProcessTable> {
  const users = userNames((await readTextIfPresent('/etc/passwd')) ?? '')
  const booted = bootTime(await readText('/proc/stat')).getTime()
  const before = new Map<string, Sample>()
  for (const sample of await eachProcess(readSample)) before.set(sample.key, sample)
  await sleep(SAMPLE_MS, undefined, { signal })
  const rows = await eachProcess(async (pid) => {
    const sample = await readSample(pid)
    const status = await readGone(`/proc/${pid}/status`)
    if (!sample || status === undefined) return undefined
    return processRow({
      ...identity(pid, sample, status, users, await commandLine(pid)),
      cpuPercent: cpuPercent(before.get(sample.key), sample, booted),
      startedAt: new Date(booted + (sample.startTicks * 1000) / TICKS_PER_SECOND).toISOString(),
    })
  })
  return { source: `/proc, processor use over ${SAMPLE_MS / 1000} s`, rows }
}

interface Sample {
  /** The pid and its start name one process for ever. */
  key: string
  name: string
  state: string
  parent: number
  ticks: number
  startTicks: number
  at: number
}

/** proc_pid_stat(5). The name may hold blanks and parentheses; the fields begin after the last one. */
export function parseStat(pid: number, text: string, at: number): Sample | undefined {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  const fields = text.slice(close + 2).split(' ')
  const [state, parent] = fields
  if (open < 0 || close < open || !state || parent === undefined || fields.length < 20) return undefined
  const startTicks = Number(fields[19])
  return {
    key: `${pid} ${startTicks}`,
    name: text.slice(open + 1, close),
    state,
    parent: Number(parent),
    ticks: Number(fields[11]) + Number(fields[12]),
    startTicks,
    at,
  }
}

async function readSample(pid: number): Promise<Sample | undefined> {
  const text = await readGone(`/proc/${pid}/stat`)
  return text === undefined ? undefined : parseStat(pid, text, performance.now())
}

function cpuPercent(before: Sample | undefined, after: Sample, booted: number): number | null {
  const ticks = after.ticks - (before?.ticks ?? 0)
  const started = booted + (after.startTicks * 1000) / TICKS_PER_SECOND
  const milliseconds = before ? after.at - before.at : Date.now() - started
  if (milliseconds <= 0 || ticks < 0) return null
  return roundPercent((ticks / TICKS_PER_SECOND / (milliseconds / 1000)) * 100)
}

const STATES: Readonly<Record<string, string>> = {
  R: 'running',
  S: 'sleeping',
  D: 'waiting for disk',
  Z: 'zombie',
  T: 'stopped',
  t: 'traced',
  I: 'idle',
  X: 'dead',
}

function identity(
  pid: number,
  sample: Sample,
  status: string,
  users: ReadonlyMap<string, string>,
  line: string,
): Omit<ProcessRow, 'cpuPercent' | 'startedAt'> {
  // Real, effective, saved, file system: ps shows the effective one.
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1]
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]
  return {
    pid,
    parent: sample.parent,
    name: sample.name,
    commandLine: line,
    user: uid === undefined ? null : (users.get(uid) ?? uid),
    state: STATES[sample.state] ?? sample.state,
    // The kernel's own threads have none.
    memoryBytes: Number(kilobytes ?? 0) * 1024,
  }
}

/** The first name of an id wins, as in getpwuid(3). */
function userNames(passwd: string): Map<string, string> {
  return new Map(
    parsePasswd(passwd)
      .toReversed()
      .map(({ uid, name }) => [String(uid), name]),
  )
}

async function commandLine(pid: number): Promise<string> {
  let file
  try {
    file = await open(`/proc/${pid}/cmdline`)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(COMMAND_LINE_BYTES), 0, COMMAND_LINE_BYTES, 0)
    // Arguments end with a NUL each; some programs overwrite them by one long line.
    return buffer.toString('utf8', 0, bytesRead).replaceAll('\0', ' ').trim()
  } catch (error) {
    if (isGone(error)) return ''
    throw error
  } finally {
    await file?.close()
  }
}

async function eachProcess<T>(read: (pid: number) => Promise<T | undefined>): Promise<T[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const found: T[] = []
  for (let at = 0; at < pids.length; at += BATCH) {
    const batch = await Promise.all(pids.slice(at, at + BATCH).map(read))
    found.push(...batch.filter((item) => item !== undefined))
  }
  return found
}

async function readGone(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

/** It ended in between, or hides from us (hidepid). */
function isGone(error: unknown): boolean {
  return ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(errorCode(error) ?? '')
}
