import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  freePort,
  makeFolder,
  postmasterOf,
  processesOf,
  removeFolder,
  type Reply,
  rowsOf,
  ServerProcess,
} from './server-process.ts'

let folder: string
let dataDir: string
let port: number
let server: ServerProcess

const start = (env: Record<string, string> = {}) => new ServerProcess({ dataDir, port, env }).ready()

beforeAll(async () => {
  folder = makeFolder()
  dataDir = join(folder, 'data')
  port = await freePort()
  server = await start()
})
afterAll(async () => {
  await server?.kill('SIGKILL')
  await removeFolder(dataDir)
  rmSync(folder, { recursive: true, force: true })
})

describe('PostgreSQL killed under load', () => {
  test('calls fail cleanly, and the server comes back by itself with a whole audit', async () => {
    const replies: Reply[] = []
    let made = 0
    const over = new AbortController()
    const load = async (): Promise<void> => {
      while (!over.signal.aborted) {
        made += 1
        replies.push(await server.call('create_organization', { name: `Organization ${made}` }))
        replies.push(await server.call('list_organizations', {}))
      }
    }
    const loads = Promise.all(Array.from({ length: 8 }, load))
    await vi.waitFor(() => expect(replies.length).toBeGreaterThan(60), 10_000)
    const before = postmasterOf(dataDir)
    process.kill(before, 'SIGKILL')
    await vi.waitFor(() => expect(replies.some((reply) => reply.status !== 200)).toBe(true), 10_000)
    const broken = replies.length
    await vi.waitFor(
      () => expect(replies.slice(broken).filter((reply) => reply.status === 200).length).toBeGreaterThan(60),
      { timeout: 30_000, interval: 50 },
    )
    over.abort()
    await loads

    const failed = replies.filter((reply) => reply.status !== 200)
    expect(new Set(failed.map((reply) => `${reply.status} ${String(reply.body['code'])}`))).toEqual(
      new Set(['503 unavailable']),
    )
    // No driver's text, no path, no statement.
    expect(JSON.stringify(failed)).not.toMatch(/ECONN|socket|postgres|terminat|select |insert /i)
    expect(postmasterOf(dataDir)).not.toBe(before)
    expect((await server.call('manage_audit', { action: 'verify' })).body).toMatchObject({ ok: true })

    // Every act that was acknowledged is there.
    const names = await rowsOf<{ id: string }>(dataDir, 'select id from organizations')
    const kept = new Set(names.map((row) => row.id))
    const acknowledged = replies.filter((reply) => reply.status === 200 && typeof reply.body['id'] === 'string')
    expect(acknowledged.length).toBeGreaterThan(60)
    expect(acknowledged.filter((reply) => !kept.has(String(reply.body['id'])))).toEqual([])
  })
})

describe('a data folder in use', () => {
  test('is refused to a second server with one line, and the first goes on', async () => {
    const second = new ServerProcess({ dataDir, port: await freePort() })
    expect(
      await Promise.race([
        second.exited,
        second.ready().then(
          () => 'it started',
          () => second.exited,
        ),
      ]),
    ).toEqual({ code: 1, signal: null })
    expect(second.stderr.trimEnd().split('\n')).toHaveLength(1)
    expect(second.stderr).toContain(`is in use by process ${server.pid}`)
    expect((await server.call('whoami', {})).status).toBe(200)
  })
})

describe('a server that is stopped with SIGTERM', () => {
  test('exits with 0 and leaves no process behind, its local agent included', async () => {
    await server.kill('SIGTERM')
    // The first start after the database was killed may have interrupted calls to tell of.
    server = await start()
    await server.kill('SIGTERM')
    server = await start({ BREEZE_LOCAL_AGENT: 'on' })
    await vi.waitFor(() => expect(agentsOf(dataDir)).toHaveLength(1), 10_000)
    expect(await server.kill('SIGTERM')).toEqual({ code: 0, signal: null })
    expect(processesOf(dataDir)).toEqual([])
    expect(server.stderr).toBe('')
  })
})

describe('a server that is stopped while it starts', () => {
  // First while the database is being made, then while one that is there is being opened.
  test.each(['at its first start', 'at another start'])('%s leaves no process behind', async () => {
    const early = join(folder, 'early')
    const starting = new ServerProcess({ dataDir: early, port: await freePort() })
    await vi.waitFor(() => expect(processesOf(early)).not.toEqual([]), { timeout: 10_000, interval: 5 })
    expect(await starting.kill('SIGTERM')).toEqual({ code: 0, signal: null })
    expect([processesOf(early), starting.stderr, starting.stdout]).toEqual([[], '', ''])
  })
})

describe('a server that is killed', () => {
  test('takes its agent with it and leaves a database that the next one takes over', async () => {
    server = await start({ BREEZE_LOCAL_AGENT: 'on' })
    await vi.waitFor(() => expect(agentsOf(dataDir)).toHaveLength(1), 10_000)
    const postmaster = postmasterOf(dataDir)
    await server.kill('SIGKILL')
    await vi.waitFor(() => expect(agentsOf(dataDir)).toEqual([]), 10_000)
    expect(() => process.kill(postmaster, 0)).not.toThrow()
    server = await start()
    expect(server.stdout).toContain('taken over from a server that died')
    expect(postmasterOf(dataDir)).toBe(postmaster)
    expect(await server.kill('SIGTERM')).toEqual({ code: 0, signal: null })
    expect(processesOf(dataDir)).toEqual([])
  })
})

const agentsOf = (of: string) => processesOf(of).filter(({ command }) => command.includes('agent.cjs'))
