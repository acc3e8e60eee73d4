import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { boot, type Harness, type Organization } from '../harness.ts'
import { runCli, type CliOptions, type CliResult } from './run-cli.ts'

let h: Harness
let acme: Organization

beforeAll(async () => {
  h = await boot()
  acme = await h.organization('Acme')
})
afterAll(() => h.stop())

const cli = (args: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
  runCli(args, { ...options, env: { BREEZE_DATA_DIR: h.dataDir, ...options.env } })

/** The answer as JSON, of a run that must succeed. */
async function json(args: readonly string[], options?: CliOptions) {
  const result = await cli([...args, '--json'], options)
  if (result.code !== 0) throw new Error(`breeze ${args.join(' ')} ended with ${result.code}: ${result.stderr}`)
  return JSON.parse(result.stdout)
}

/** Where nothing listens. */
async function closedAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return `http://127.0.0.1:${address.port}`
}

describe('status', () => {
  it('says version, address, readiness and devices', async () => {
    await h.device(acme, 'pc-1', { status: 'online' })
    await h.device(acme, 'pc-2', { status: 'offline' })
    expect(await json(['status'])).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      url: h.server.url,
      ready: true,
      devices: { total: 2, online: 1, offline: 1, pending: 0 },
    })
    expect((await cli(['status'])).stdout).toContain('2: 1 online, 1 offline, 0 pending')
  })

  it('answers when the server is down, with exit code 3', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'breeze-cli-'))
    const never = await cli(['status', '--json'], { env: { BREEZE_DATA_DIR: folder } })
    expect([never.code, JSON.parse(never.stdout)]).toEqual([
      3,
      { version: null, url: null, ready: false, devices: null },
    ])
    const url = await closedAddress()
    await writeFile(join(folder, 'server.json'), JSON.stringify({ url, pid: process.pid }))
    await writeFile(join(folder, 'operator.token'), 'brzop_x\n', { mode: 0o600 })
    const down = await cli(['status', '--json'], { env: { BREEZE_DATA_DIR: folder } })
    expect([down.code, JSON.parse(down.stdout)]).toMatchObject([3, { ready: false, url }])
    expect(down.stderr).toContain('nothing listens there')
    await rm(folder, { recursive: true })
  })
})

describe('the verbs answer in their fixed shapes', () => {
  it('org, site, user, key, enroll, audit', async () => {
    const organization = await json(['org', 'create', 'Initech'])
    expect(organization).toEqual({ id: expect.any(String), name: 'Initech' })
    const site = await json(['site', 'create', 'Lab', '--org', 'initech'])
    expect(site).toEqual({ id: expect.any(String), name: 'Lab', organization })
    const user = await json(['user', 'create', 'tess@initech.test', '--role', 'Technician', '--org', 'Initech'])
    expect(user).toEqual({ id: expect.any(String), email: 'tess@initech.test', password: expect.any(String) })
    const key = await json([
      'key',
      'create',
      'ci',
      '--scopes',
      'ai:read,ai:write',
      '--org',
      'Initech',
      '--expires',
      '30d',
    ])
    expect(key).toEqual({
      id: expect.any(String),
      name: 'ci',
      key: expect.stringMatching(/^brz_/),
      scopes: ['ai:read', 'ai:write'],
      expires_at: expect.stringMatching(/Z$/),
    })
    const token = await json([
      'enroll',
      'create',
      '--org',
      'Initech',
      '--site',
      'lab',
      '--uses',
      '3',
      '--expires',
      '15m',
    ])
    expect(token).toEqual({ token: expect.stringMatching(/^brz/), expires_at: expect.stringMatching(/Z$/) })
    expect(await json(['audit', 'verify'])).toEqual({ ok: true, entries: expect.any(Number) })
  })

  it('service users and keys for them, partner-wide and several organizations', async () => {
    await h.organization('Globex')
    const service = await json(['user', 'create', 'Backups', '--service', '--role', 'viewer', '--org', 'Acme,Globex'])
    expect(service).toEqual({ id: expect.any(String), email: null })
    const key = await json([
      'key',
      'create',
      'b',
      '--scopes',
      'ai:read',
      '--org',
      'Acme',
      '--org',
      'Globex',
      '--user',
      'Backups',
    ])
    expect(key).toMatchObject({ name: 'b', expires_at: null })
    expect(await json(['key', 'create', 'wide', '--scopes', 'ai:read', '--partner'])).toMatchObject({ name: 'wide' })
  })

  it('lists, updates, rotates and deletes keys', async () => {
    const made = await json(['key', 'create', 'turning', '--scopes', 'ai:read', '--org', 'Acme'])
    expect(
      await json(['key', 'update', 'turning', '--scopes', 'ai:write', '--expires', '1h', '--ip', '10.0.0.0/8']),
    ).toMatchObject({
      id: made.id,
      scopes: ['ai:write'],
      ip_allow_list: ['10.0.0.0/8'],
    })
    const rotated = await json(['key', 'rotate', made.id, '--overlap', '0'])
    expect(rotated).toMatchObject({ id: made.id, former_secret_until: null, key: expect.stringMatching(/^brz_/) })
    const list = await json(['key', 'list', '--limit', '1'])
    expect(list).toMatchObject({ api_keys: [{ id: made.id, name: 'turning' }], total: expect.any(Number) })
    expect((await cli(['key', 'list'])).stdout).toMatch(/^ID +NAME +SECRET/)
    expect(await json(['key', 'delete', 'turning'])).toEqual({ id: made.id, name: 'turning', state: 'deleted' })
  })

  it('speaks to people in sentences and tables', async () => {
    expect((await cli(['org', 'create', 'Umbrella'])).stdout).toMatch(/^Created the organization Umbrella \(/)
    expect((await cli(['org', 'list'])).stdout).toMatch(/ID +NAME +SITES +ASSISTANTS\n[\s\S]*Umbrella +0 +on/)
    expect((await cli(['site', 'list', '--org', 'Acme'])).stdout).toContain('Main Office')
    expect((await cli(['user', 'list'])).stdout).toContain('partner_admin')
    expect((await cli(['audit', 'verify'])).stdout).toMatch(/^The audit is whole: \d+ entries verified\.\n$/)
  })

  it('acts as the first Partner Admin, and the audit says through the operator token', async () => {
    const [entry] = await h.sql<{ body: string; channel: string }>(
      `select body, channel from audit_entries where tool = 'create_organization' and kind = 'intent' order by at desc limit 1`,
    )
    expect(entry?.channel).toBe('cli')
    expect(JSON.parse(entry?.body ?? '')).toMatchObject({
      details: { via: 'operator' },
      actor: { user_id: h.server.installation.adminId },
    })
  })
})

describe('audit verify', () => {
  it('ends with 1 and names the first broken entry', async () => {
    const [victim] = await h.sql<{ id: string; body: string }>(
      'select id, body from audit_entries order by seq limit 1',
    )
    await h.sql(`update audit_entries set body = body || ' ' where id = $1`, [victim?.id])
    const broken = await cli(['audit', 'verify', '--json'])
    await h.sql('update audit_entries set body = $2 where id = $1', [victim?.id, victim?.body])
    expect(broken.code).toBe(1)
    expect(JSON.parse(broken.stdout)).toMatchObject({ ok: false, first_broken: { id: victim?.id, seq: 1 } })
  })
})

describe('wrong input', () => {
  it('ends with 2 and says what to do', async () => {
    const wrong: [string[], RegExp][] = [
      [[], /Usage: breeze/],
      [['fly'], /unknown command 'fly'/],
      [['org', 'create'], /missing required argument 'name'/],
      [['org', 'create', ' '], /name: /],
      [['site', 'create', 'X'], /required option '--org/],
      [['key', 'create', 'x', '--scopes', 'ai:all', '--org', 'Acme'], /unknown scope; scopes are ai:read/],
      [
        ['key', 'create', 'x', '--scopes', 'ai:read', '--org', 'Acme', '--expires', 'soon'],
        /"soon" is not a duration. A number and a unit/,
      ],
      [['key', 'create', 'x', '--scopes', 'ai:read', '--org', 'Acme', '--partner'], /not both/],
      [['key', 'update', 'x'], /Say what to change/],
      [['enroll', 'create', '--org', 'Acme', '--uses', 'many'], /whole number/],
      [['enroll', 'create', '--org', 'Acme', '--expires', '40d'], /from 1m to 30d/],
      [['user', 'create', 'nobody', '--role', 'viewer', '--org', 'Acme'], /email/i],
      [['user', 'create', 'a@b.test', '--role', 'emperor', '--org', 'Acme'], /Roles are: .*Partner Admin/],
    ]
    for (const [args, message] of wrong) {
      const result = await cli(args)
      expect([args, result.code, result.stdout]).toEqual([args, 2, ''])
      expect(result.stderr).toMatch(message)
    }
  })

  it('ends with 1 for what the server refuses, with the audit entry', async () => {
    const refused = await cli(['site', 'create', 'Lab', '--org', 'Nowhere'])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(
      /^breeze: No organization "Nowhere" is visible to you\.\n {2}List .*\n {2}Audit entry: [\da-f-]{36}\n$/,
    )
    const asJson = await cli(['site', 'create', 'Lab', '--org', 'Nowhere', '--json'])
    expect(JSON.parse(asJson.stderr)).toMatchObject({ code: 'not_found', audit_entry: expect.any(String) })
  })

  it('has help with an example for every verb', async () => {
    const verbs = [
      'status', 'org create', 'org list', 'site create', 'site list', 'user create', 'user list', 'key create', 'key list',
      'key update', 'key rotate', 'key delete', 'enroll create', 'enroll list', 'enroll delete', 'agent run', 'call', 'tools', 'audit verify', 'fleet simulate',
      'import lifecycle', 'import vulnerabilities',
    ] // prettier-ignore
    for (const words of verbs) {
      const result = await cli([...words.split(' '), '--help'], { env: { BREEZE_DATA_DIR: '/nonexistent' } })
      expect([words, result.code, result.stderr]).toEqual([words, 0, ''])
      expect(result.stdout).toContain(`Usage: breeze ${words}`)
      expect(result.stdout).toMatch(/Example:\n {2}breeze /)
      if (!['call'].includes(words)) expect(result.stdout).toContain('--json')
    }
    expect((await cli(['--help'])).stdout).toContain('BREEZE_URL and BREEZE_KEY')
    expect((await cli(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('the credential', () => {
  it('by BREEZE_URL and BREEZE_KEY, through any name of the loopback', async () => {
    const key = await h.key(await h.user('viewer', acme.id), ['administration.read'])
    const { port } = new URL(h.server.url)
    for (const host of ['127.0.0.1', 'localhost']) {
      const env = { BREEZE_URL: `http://${host}:${port}`, BREEZE_KEY: key.key, BREEZE_DATA_DIR: '/nonexistent' }
      expect(await json(['org', 'list'], { env })).toMatchObject({ total: 1, organizations: [{ name: 'Acme' }] })
    }
    const refused = await cli(['org', 'create', 'X'], { env: { BREEZE_URL: h.server.url, BREEZE_KEY: key.key } })
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('administration.write')])
    const alias = await json(['status'], { env: { BREEZE_URL: `http://localhost:${port}` } })
    expect(alias).toMatchObject({ ready: true })
  })

  it('is not sent where others could read it, nor to a server it is not for', async () => {
    const plain = await cli(['org', 'list'], {
      env: { BREEZE_URL: 'http://rmm.example.com', BREEZE_KEY: 'brz_abcdefgh' },
    })
    expect([plain.code, plain.stderr]).toEqual([
      2,
      expect.stringContaining('not sent over plain http to rmm.example.com'),
    ])
    const elsewhere = await closedAddress()
    const other = await cli(['org', 'list'], { env: { BREEZE_URL: elsewhere } })
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining(`There is no key for ${elsewhere}`)])
    const wrong = await cli(['org', 'list'], { env: { BREEZE_URL: h.server.url, BREEZE_KEY: 'brz_wrong-wrong' } })
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('A valid credential is needed')])
    const unreachable = await cli(['org', 'list'], {
      env: { BREEZE_URL: elsewhere, BREEZE_KEY: 'brz_abcdefgh' },
    })
    expect(unreachable.code).toBe(3)
    const nonsense = await cli(['org', 'list'], { env: { BREEZE_URL: 'rmm', BREEZE_KEY: 'brz_abcdefgh' } })
    expect(nonsense.code).toBe(2)
  })

  it('of the operator is refused when others can read its file', async () => {
    const file = join(h.dataDir, 'operator.token')
    await chmod(file, 0o644)
    const loose = await cli(['org', 'list'])
    await chmod(file, 0o600)
    expect([loose.code, loose.stderr]).toEqual([1, expect.stringContaining('can be read by others')])
  })

  it('of the operator is not given to whatever listens after the server has gone', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'breeze-cli-'))
    await writeFile(join(folder, 'server.json'), JSON.stringify({ url: h.server.url, pid: 2 ** 22 - 1 }))
    await writeFile(join(folder, 'operator.token'), h.server.operatorToken, { mode: 0o600 })
    const gone = await cli(['org', 'list'], { env: { BREEZE_DATA_DIR: folder } })
    expect([gone.code, gone.stderr]).toEqual([3, expect.stringContaining('is not running')])
    await rm(folder, { recursive: true })
  })
})

describe('import', () => {
  it('takes warranties over from a CSV file and names the lines that fit no device', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'breeze-import-'))
    const write = async (text: string) => {
      await writeFile(join(folder, 'list.csv'), text)
      return join(folder, 'list.csv')
    }
    const umbrella = await h.organization('Acme Movers')
    const id = await h.device(umbrella, 'initech-1')
    const list = await write('Serial Number;Hostname;Warranty End\nX1;initech-1;2029-03-31\n\nX2;nobody;2029-03-31\n')
    const args = ['import', 'warranty', list, '--org', 'Acme Movers', '--source', 'Dell']
    expect(await json(args)).toEqual({ imported: 1, unmatched: [{ line: 4, reason: 'not_found' }] })
    const [row] = await h.sql('select ends_on::text, source from device_warranties where device_id = $1', [id])
    expect(row).toEqual({ ends_on: '2029-03-31', source: 'Dell' })
    const told = await cli(args)
    expect([told.code, told.stdout.trim(), told.stderr.trim()]).toEqual([
      0,
      'Took over the warranty of 1 device.',
      'line 4: no such device',
    ])
    expect(await json(['import', 'warranty', await write('device,ends_on\nghost,2029-01-01\n')])).toEqual({
      imported: 0,
      unmatched: [{ line: 2, reason: 'not_found' }],
    })
    const bad = await cli(['import', 'warranty', await write('device,ends_on\ninitech-1,31.03.2029\n')])
    expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining('Line 2 has no date')])
    expect((await cli(['import', 'warranty', join(folder, 'missing.csv')])).code).toBe(2)
    await rm(folder, { recursive: true })
  })
})

describe('approvals', () => {
  it('lists what waits, and a person on the server approves or denies it', async () => {
    const devices = [await h.device(acme, 'held-1'), await h.device(acme, 'held-2')]
    await h.sql('update organizations set approval_limit = 1 where id = $1', [acme.id])
    const key = await h.key(await h.user('partner_technician'), ['ai:execute'])
    const ask = async (): Promise<string> => {
      const held = await h.invoke(await h.caller(key), 'run_script', { devices, content: 'true' })
      if (held.status !== 'held') throw new Error(JSON.stringify(held))
      return held.hold.operation
    }
    const [first, second] = [await ask(), await ask()]
    const pending = await json(['approvals', '--state', 'pending'])
    expect(pending.approvals.map((row: { operation: string }) => row.operation).sort()).toEqual([first, second].sort())
    expect((await cli(['approvals'])).stdout).toContain(first)
    expect(await json(['approve', first])).toMatchObject({ approval: { state: 'approved' } })
    expect(await json(['deny', second, '--reason', 'Not today.'])).toMatchObject({ approval: { state: 'denied' } })
    expect((await cli(['approve', second])).code).toBe(1)
    const ran = await h.sql('select from device_commands where device_id = any ($1::uuid[])', [devices])
    expect(ran).toHaveLength(2)
  })
})
