import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startCluster, type Cluster, type ClusterOptions } from './cluster.ts'
import { processMark } from './processes.ts'

const asRoot = process.getuid?.() === 0
const fast = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }

let folder: string
let dataDir: string
let lines: string[]
const running: Cluster[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-cluster-'))
  chmodSync(folder, 0o711)
  dataDir = join(folder, 'data')
  lines = []
})

afterEach(async () => {
  for (const cluster of running.splice(0)) await cluster.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function start(options: Partial<ClusterOptions> = {}): Promise<Cluster> {
  const cluster = await startCluster({ dataDir, settings: fast, log: (line) => lines.push(line), ...options })
  running.push(cluster)
  return cluster
}

async function query(cluster: Cluster, sql: string): Promise<unknown[]> {
  const client = new Client(cluster.connection)
  await client.connect()
  try {
    return (await client.query<unknown[]>({ text: sql, rowMode: 'array' })).rows[0] ?? []
  } finally {
    await client.end()
  }
}

function longDataDir(): string {
  return join(folder, 'a-folder-with-a-long-name-'.repeat(4))
}

function postmasterPid(clusterDir = join(dataDir, 'postgres')): number {
  return Number(readFileSync(join(clusterDir, 'data', 'postmaster.pid'), 'utf8').split('\n')[0])
}

/** Starts the cluster in a process of its own and kills that process outright. */
async function startAndDie(): Promise<void> {
  const source = `
    import { startCluster } from ${JSON.stringify(join(import.meta.dirname, 'cluster.ts'))}
    await startCluster({ dataDir: ${JSON.stringify(dataDir)}, settings: ${JSON.stringify(fast)}, log() {} })
    process.stdout.write('up')
    setInterval(() => undefined, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
}

describe('a fresh start', () => {
  it('serves on a private socket with a password that nobody else can read', async () => {
    const cluster = await start({ settings: {} })
    expect(cluster.adopted).toBe(false)
    expect(await query(cluster, 'select current_user, current_database()')).toEqual(['breeze', 'breeze'])
    expect(await query(cluster, `select current_setting('listen_addresses')`)).toEqual([''])
    expect(await query(cluster, `select current_setting('fsync'), current_setting('data_checksums')`)).toEqual([
      'on',
      'on',
    ])
    expect(await query(cluster, `select lower('Ä') = 'ä', 'a' > 'B'`)).toEqual([true, true])
    expect(statSync(cluster.connection.host).mode & 0o777).toBe(0o700)
    expect(statSync(join(dataDir, 'keys', 'postgres-owner')).mode & 0o777).toBe(0o600)
    expect(statSync(join(dataDir, 'keys')).mode & 0o777).toBe(0o700)
    const wrong = { ...cluster, connection: { ...cluster.connection, password: 'wrong' } }
    await expect(query(wrong, 'select 1')).rejects.toThrow('password authentication failed')
    expect(lines.join()).not.toContain(cluster.connection.password)
    expect(readFileSync(`/proc/${postmasterPid()}/cmdline`, 'utf8')).not.toContain(cluster.connection.password)
    expect(readdirSync(join(dataDir, 'postgres')).filter((name) => name.includes('password'))).toEqual([])
  })

  it('has the statement statistics that the bench reads', async () => {
    const cluster = await start()
    await query(cluster, 'create extension pg_stat_statements')
    expect(await query(cluster, 'select count(*) > 0 from pg_stat_statements')).toEqual([true])
  })

  it('refuses to run without fsync unless that was asked for by name', async () => {
    await (await start()).stop()
    writeFileSync(join(dataDir, 'postgres', 'postgresql.conf'), "include 'breeze.conf'\nfsync = off\n")
    await expect(start({ settings: {} })).rejects.toThrow('fsync is off and must be on')
    expect(existsSync(join(dataDir, 'postgres', 'data', 'postmaster.pid'))).toBe(false)
  })
})

describe('the next start', () => {
  it('finds the data again, quickly', async () => {
    const first = await start()
    await query(first, 'create table kept as select 7 as n')
    await first.stop()
    const began = performance.now()
    const second = await start()
    expect(performance.now() - began).toBeLessThan(5000)
    expect(await query(second, 'select n from kept')).toEqual([7])
  })

  it('adopts the cluster of a server that was killed', async () => {
    await startAndDie()
    const pid = postmasterPid()
    const cluster = await start()
    expect(cluster.adopted).toBe(true)
    expect(postmasterPid()).toBe(pid)
    expect(await query(cluster, 'select 1')).toEqual([1])
    await cluster.stop()
    expect(processMark(pid)).toBeUndefined()
  })

  it('starts PostgreSQL again when it was killed, at the same socket and with all that was committed', async () => {
    const cluster = await start({ settings: { fsync: 'off' } })
    await query(cluster, 'create table kept as select 7 as n')
    const killed = postmasterPid()
    process.kill(killed, 'SIGKILL')
    await vi.waitFor(async () => expect(await query(cluster, 'select n from kept')).toEqual([7]), 20_000)
    expect(postmasterPid()).not.toBe(killed)
    expect(lines).toContain(`PostgreSQL (process ${killed}) ended on its own and is started again`)
    await cluster.stop()
    expect(existsSync(join(dataDir, 'postgres', 'lock'))).toBe(false)
  })

  it('recovers after both were killed', async () => {
    await startAndDie()
    process.kill(postmasterPid(), 'SIGKILL')
    const cluster = await start()
    expect(cluster.adopted).toBe(false)
  })

  it('is not stopped by a process file whose number belongs to a stranger', async () => {
    await (await start()).stop()
    writeFileSync(join(dataDir, 'postgres', 'data', 'postmaster.pid'), `${process.pid}\n/nowhere\n0\n5432\n/nowhere\n`)
    expect((await start()).adopted).toBe(false)
  })

  it('makes a half-made database again', async () => {
    const half = join(dataDir, 'postgres', 'data-fresh-1')
    mkdirSync(half, { recursive: true })
    if (asRoot) for (const passable of [dataDir, join(dataDir, 'postgres')]) chmodSync(passable, 0o711)
    writeFileSync(join(half, 'PG_VERSION'), '18\n')
    const cluster = await start()
    expect(await query(cluster, 'select 1')).toEqual([1])
    expect(existsSync(half)).toBe(false)
  })
})

describe('refusals', () => {
  it('refuses a second start on the same folder', async () => {
    const cluster = await start()
    await expect(start()).rejects.toThrow(`is in use by process ${process.pid}: stop that server first`)
    expect(await query(cluster, 'select 1')).toEqual([1])
  })

  it('lets exactly one of several starts at once win', async () => {
    const outcomes = await Promise.allSettled([start(), start(), start()])
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
  })

  it('takes over the lock of a process that is gone', async () => {
    await (await start()).stop()
    writeFileSync(join(dataDir, 'postgres', 'lock'), '{"pid":1,"mark":"another boot:1:1"}')
    expect((await start()).adopted).toBe(false)
  })

  it('refuses data of another major version and names both', async () => {
    await (await start()).stop()
    writeFileSync(join(dataDir, 'postgres', 'data', 'PG_VERSION'), '13\n')
    await expect(start()).rejects.toThrow(
      /is of PostgreSQL 13 and this server brings PostgreSQL \d+: .* dump and restore/,
    )
  })

  it('refuses a password that is not the one of the data', async () => {
    await (await start()).stop()
    rmSync(join(dataDir, 'keys', 'postgres-owner'))
    await expect(start()).rejects.toThrow('restore that file from a backup')
    expect(existsSync(join(dataDir, 'postgres', 'data', 'postmaster.pid'))).toBe(false)
  })

  it('says in one line that the folder cannot be written', async () => {
    writeFileSync(join(folder, 'file'), '')
    await expect(start({ dataDir: join(folder, 'file', 'data') })).rejects.toThrow(
      /^cannot write to the data folder [^\n]*$/,
    )
  })
})

describe('the socket folder', () => {
  it('lies outside a data folder whose path is too long for a socket, and goes with the cluster', async () => {
    const cluster = await start({ dataDir: longDataDir() })
    expect(cluster.connection.host.length).toBeLessThan(90)
    expect(statSync(cluster.connection.host).mode & 0o777).toBe(0o700)
    await cluster.stop()
    expect(existsSync(cluster.connection.host)).toBe(false)
  })

  it('is never one that somebody else put there', async () => {
    await (await start({ dataDir: longDataDir() })).stop()
    const planted = join(folder, 'planted')
    mkdirSync(planted)
    chmodSync(planted, 0o777)
    const link = join(folder, 'link')
    symlinkSync(planted, link)
    for (const bait of [planted, link, join(folder, 'gone')]) {
      writeFileSync(join(longDataDir(), 'postgres', 'socket-folder'), bait)
      const cluster = await start({ dataDir: longDataDir() })
      expect(cluster.connection.host).not.toBe(bait)
      await cluster.stop()
      expect(readdirSync(planted)).toEqual([])
    }
  })

  it('is refused when it was opened to others', async () => {
    const cluster = await start()
    await cluster.stop()
    chmodSync(cluster.connection.host, 0o777)
    await expect(start()).rejects.toThrow('must be a folder with mode 0700')
  })
})

describe.runIf(asRoot)('as root', () => {
  it('places the database where its account can reach it when the data folder lies in a closed home', async () => {
    chmodSync(folder, 0o700)
    const cluster = await start()
    const placed = readFileSync(join(dataDir, 'postgres-location'), 'utf8').trim()
    try {
      expect(placed).toMatch(/^\/var\/lib\/breeze\/[0-9a-f]{16}$/)
      expect(lines.filter((line) => line.includes(placed) && line.includes('cannot enter'))).toHaveLength(1)
      await query(cluster, 'create table kept as select 7 as n')
      await cluster.stop()
      // Reachable now: the database still is where it was.
      chmodSync(folder, 0o711)
      expect(await query(await start(), 'select n from kept')).toEqual([7])
    } finally {
      await running.at(-1)?.stop()
      rmSync(placed, { recursive: true, force: true })
    }
  })

  it('keeps the account that the data belongs to', async () => {
    await (await start()).stop()
    const nobody = 65_534
    for (const name of ['data', 'log', 'run'])
      execFileSync('chown', ['-R', `${nobody}`, join(dataDir, 'postgres', name)])
    await start()
    expect(statSync(`/proc/${postmasterPid()}`).uid).toBe(nobody)
  })

  it('does not run PostgreSQL as root', async () => {
    await start()
    expect(statSync(`/proc/${postmasterPid()}`).uid).not.toBe(0)
  })
})
