import { once } from 'node:events'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import { freePort, makeFolder, processesOf, ServerProcess } from './server-process.ts'

let folder: string
let dataDir: string
beforeEach(() => {
  folder = makeFolder()
  dataDir = join(folder, 'data')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Starts what can't start; answers with its one line. */
async function refusal(env: Record<string, string>): Promise<string> {
  const server = new ServerProcess({ dataDir, port: await freePort(), env })
  const started = server.ready().then(
    () => server.kill('SIGTERM').then(() => 'it started'),
    () => server.exited,
  )
  expect(await started).toEqual({ code: 1, signal: null })
  expect(processesOf(folder)).toEqual([])
  expect(server.stdout).toBe('')
  const lines = server.stderr.trimEnd().split('\n')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/^breeze: /)
  // Neither a stack nor a class of ours.
  expect(lines[0]).not.toMatch(/\bat .*:\d+:\d+|Error:|\.mjs/)
  return lines[0] ?? ''
}

describe.each([
  ['PORT', 'eighty'],
  ['PORT', '0'],
  ['PORT', '65536'],
  ['PORT', '80.5'],
  ['HOST', 'no such host'],
  ['HOST', '203.0.113.7'],
  ['BREEZE_ENV', 'staging'],
  ['BREEZE_PUBLIC_URL', 'rmm.example.com'],
  ['BREEZE_PUBLIC_URL', 'ftp://rmm.example.com'],
  ['BREEZE_PUBLIC_URL', 'https://example.com/breeze'],
  ['BREEZE_TRUSTED_PROXIES', 'my-proxy'],
  ['BREEZE_TRUSTED_PROXIES', '10.0.0.0/99'],
  ['BREEZE_TRUSTED_PROXIES', '10.0.0.0/'],
  ['BREEZE_LOCAL_AGENT', 'yes'],
  ['BREEZE_LOG_LEVEL', 'loud'],
  ['BREEZE_FAULT', 'somewhere'],
  ['BREEZE_TOOL_CALLS_PER_MINUTE', '0'],
  ['MCP_OAUTH_ENABLED', 'maybe'],
  ['MCP_REQUIRE_EXECUTE_ADMIN', 'yes'],
  ['MCP_MESSAGE_RATE_LIMIT_PER_MINUTE', '-1'],
  ['MCP_SSE_RATE_LIMIT_PER_MINUTE', '1e9'],
  ['MCP_MAX_SSE_SESSIONS_PER_KEY', 'many'],
  ['BREEZE_ADMIN_EMAIL', 'not an address'],
  ['DATABASE_URL', 'breeze'],
  ['DATABASE_URL', 'mysql://root@127.0.0.1/breeze'],
  ['DATABASE_URL', 'postgres://breeze:x@127.0.0.1:99999/breeze'],
])('%s=%s', (name, value) => {
  test('is refused with a line that names it, before anything is made', async () => {
    expect(await refusal({ [name]: value })).toContain(name)
    expect(existsSync(join(dataDir, 'postgres'))).toBe(false)
  })
})

describe('the machine', () => {
  test('a port in use names PORT', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const address = holder.address()
    const port = address !== null && typeof address === 'object' ? address.port : 0
    expect(await refusal({ PORT: String(port) })).toContain(`PORT: something already listens on 127.0.0.1:${port}`)
    holder.close()
    // Not even the data folder was made.
    expect(existsSync(dataDir)).toBe(false)
  })

  test('a data folder below a file names BREEZE_DATA_DIR', async () => {
    writeFileSync(join(folder, 'file'), '')
    const line = await refusal({ BREEZE_DATA_DIR: join(folder, 'file', 'data') })
    expect(line).toContain('BREEZE_DATA_DIR')
    expect(line).toContain('ENOTDIR')
  })

  test('a data folder that is a file, or under /proc, names BREEZE_DATA_DIR', async () => {
    writeFileSync(join(folder, 'file'), '')
    expect(await refusal({ BREEZE_DATA_DIR: join(folder, 'file') })).toContain('BREEZE_DATA_DIR')
    expect(await refusal({ BREEZE_DATA_DIR: '/proc/breeze/data' })).toContain('BREEZE_DATA_DIR')
  })
})

describe('DATABASE_URL', () => {
  test('where nothing listens', async () => {
    const line = await refusal({ DATABASE_URL: `postgres://breeze:x@127.0.0.1:${await freePort()}/breeze` })
    expect(line).toContain('DATABASE_URL: no database answers there (ECONNREFUSED)')
  })

  test('of a host that does not exist', async () => {
    const line = await refusal({ DATABASE_URL: 'postgres://breeze:x@database.invalid/breeze' })
    expect(line).toContain('DATABASE_URL: no database answers there')
  })

  test('that answers with something else than PostgreSQL, or with nothing', async () => {
    const other = createServer((socket) => socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    const address = other.address()
    const port = address !== null && typeof address === 'object' ? address.port : 0
    expect(await refusal({ DATABASE_URL: `postgres://breeze:x@127.0.0.1:${port}/breeze` })).toContain('DATABASE_URL')
    other.close()
  })

  test('with a wrong password, an unknown database', async () => {
    const { host, user, password } = inject('postgres')
    const at = `/postgres?host=${encodeURIComponent(host)}`
    const wrong = await refusal({ DATABASE_URL: `postgres://${user}:wrong-word@${at}` })
    expect(wrong).toContain('DATABASE_URL: the database refused: password authentication failed')
    expect(wrong).not.toContain('wrong-word')
    const url = `postgres://${user}:${encodeURIComponent(password)}@/nowhere?host=${encodeURIComponent(host)}`
    expect(await refusal({ DATABASE_URL: url })).toContain('database "nowhere" does not exist')
  })
})
