import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { Connection } from '../server/src/database/logins.ts'
import type { FloorSetup } from './floor.ts'
import type { Seeded } from './seed.ts'

const PATIENCE_MS = 20_000

export interface FloorProcess {
  pid: number
  url: string
  stop(): Promise<void>
}

export async function startFloor(owner: Connection, pepper: Buffer, seeded: Seeded): Promise<FloorProcess> {
  const child = fork(join(import.meta.dirname, 'floor.ts'), {
    env: { PATH: process.env['PATH'], NODE_ENV: 'production' },
  })
  const setup: FloorSetup = {
    owner,
    pepper: pepper.toString('hex'),
    access: {
      partnerId: seeded.partnerId,
      partnerWide: true,
      whole: seeded.organizationIds,
      limited: [],
      sites: [],
    },
    caller: {
      user: { id: '00000000-0000-4000-8000-000000000001', name: 'bench@example.test', kind: 'person' },
      partnerId: seeded.partnerId,
      credential: { kind: 'api_key', id: '00000000-0000-4000-8000-000000000002', name: 'bench' },
      channel: 'rest',
      client: null,
      ip: '127.0.0.1',
      scopes: 'all',
      elevations: [],
      actingBy: [],
      admin: true,
      partner: null,
      organizations: new Map(),
      stopped: null,
      expiresAt: null,
      lastUsedAt: null,
    },
  }
  child.send(setup)
  const port = await said<{ port: number }>(child).then((message) => message.port)
  if (child.pid === undefined) throw new Error('the floor did not start')
  return { pid: child.pid, url: `http://127.0.0.1:${port}/`, stop: () => end(child) }
}

/** A child's next message. */
export function said<T>(child: ChildProcess, patienceMs = PATIENCE_MS): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('a process of the benchmark does not answer')), patienceMs)
    const gone = (): void => {
      clearTimeout(timer)
      reject(new Error('a process of the benchmark ended'))
    }
    child.once('exit', gone)
    child.once('message', (message) => {
      clearTimeout(timer)
      child.off('exit', gone)
      // Our own child says what its file declares.
      resolve(message as T)
    })
  })
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  await exited
}
