import { open } from 'node:fs/promises'
import { errorCode } from '../error-code.ts'
import { LASTLOG_RECORD_BYTES, parseLastlog, parseUtmp, USER_PROCESS, UTMP_RECORD_BYTES } from './utmp.ts'

/** Of wtmp, the newest records: a busy server's file is not read whole. */
const WTMP_RECORDS = 20_000

/** The latest sign-in of each account by every record that this system keeps; an account without one is not in the map. */
export async function lastSignIns(
  accounts: readonly { name: string; uid: number }[],
  root = '',
): Promise<Map<string, Date>> {
  const latest = new Map<string, Date>()
  const note = (name: string, at: Date) => {
    const known = latest.get(name)
    if (!known || known < at) latest.set(name, at)
  }
  await readLastlog(`${root}/var/log/lastlog`, accounts, note)
  await readWtmp(`${root}/var/log/wtmp`, note)
  // The successors of both, made because 32-bit times end in 2038.
  await readDatabase(`${root}/var/lib/lastlog/lastlog2.db`, 'SELECT Name AS name, Time AS seconds FROM Lastlog2', note)
  for (const path of ['/var/lib/wtmpdb/wtmp.db', '/var/log/wtmp.db']) {
    const query = `SELECT User AS name, MAX(Login) / 1000000 AS seconds FROM wtmp WHERE Type = 3 GROUP BY User`
    await readDatabase(root + path, query, note)
  }
  return latest
}

type Note = (name: string, at: Date) => void

async function readLastlog(path: string, accounts: readonly { name: string; uid: number }[], note: Note) {
  await withFile(path, async (file, size) => {
    const record = Buffer.alloc(LASTLOG_RECORD_BYTES)
    for (const { name, uid } of accounts) {
      // The file is as long as its highest user id, mostly holes.
      if ((uid + 1) * LASTLOG_RECORD_BYTES > size) continue
      await file.read(record, 0, record.length, uid * LASTLOG_RECORD_BYTES)
      const at = parseLastlog(record)
      if (at) note(name, at)
    }
  })
}

async function readWtmp(path: string, note: Note) {
  await withFile(path, async (file, size) => {
    const whole = size - (size % UTMP_RECORD_BYTES)
    const length = Math.min(whole, WTMP_RECORDS * UTMP_RECORD_BYTES)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, whole - length)
    for (const { type, user, at } of parseUtmp(buffer.subarray(0, bytesRead))) if (type === USER_PROCESS) note(user, at)
  })
}

async function withFile(
  path: string,
  use: (file: Awaited<ReturnType<typeof open>>, size: number) => Promise<void>,
): Promise<void> {
  let file
  try {
    file = await open(path)
  } catch (error) {
    // Missing, or not ours to read: the other records may tell.
    if (['ENOENT', 'EACCES', 'EPERM'].includes(errorCode(error) ?? '')) return
    throw error
  }
  try {
    await use(file, (await file.stat()).size)
  } finally {
    await file.close()
  }
}

async function readDatabase(path: string, query: string, note: Note): Promise<void> {
  let exists = false
  await withFile(path, async () => {
    exists = true
  })
  if (!exists) return
  // Loaded only where there is such a database: most systems have none.
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(path, { readOnly: true, timeout: 500 })
  try {
    for (const { name, seconds } of database.prepare(query).iterate()) {
      if (typeof name !== 'string' || typeof seconds !== 'number') continue
      const at = new Date(seconds * 1000)
      if (seconds > 0 && !Number.isNaN(at.getTime())) note(name, at)
    }
  } finally {
    database.close()
  }
}
