import type { CommandBody, CommandOutcome, LogEntry } from '@breeze/contract/agent-commands'
import { ALL_SCOPES } from '@breeze/contract/governance'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { until } from '../agents/fleet.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { codeOf } from '../trust/acts.ts'
import { callsOf, found } from './calls.ts'
import { type Answer, capabilities, connectDevice, services } from './devices.ts'

let world: Harness
let place: Organization
let technician: Caller
let made = 0
let calls: ReturnType<typeof callsOf>
beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  calls = callsOf(world, () => technician)
})
afterAll(() => world.stop())
beforeEach(async () => {
  made += 1
  place = await world.organization(`Tools ${made}`)
  technician = await world.caller(await world.key(await world.user('partner_admin'), [...ALL_SCOPES]))
})
const device = (answer: Answer, sections = {}) =>
  connectDevice(world, place, `box-${made}`, { answer, sections: { capabilities: capabilities(), ...sections } })

describe('services', () => {
  const list = services(
    { name: 'cron.service' },
    { name: 'crond-backup.service', state: 'failed' },
    { name: 'Spooler', displayName: 'Print Spooler' },
    { name: 'nginx.service', state: 'stopped' },
  )
  const restarted = (body: CommandBody): Partial<CommandOutcome> | null =>
    body.type === 'service.control'
      ? found('service.control', {
          source: 'systemctl',
          name: body.args.name,
          before: 'stopped',
          state: 'running',
          pid: 7,
        })
      : null

  it('are listed from what the device reported, with its age, filtered and paged', async () => {
    const { id } = await device(() => null, { services: list })
    const all = await calls.call('list_services', { device: id, limit: 3 })
    expect(all.data).toMatchObject({
      status: 'ok',
      source: 'a test',
      collected_at: '2026-01-31T10:00:00.000Z',
      total: 4,
      counts: { running: 2, failed: 1, stopped: 1 },
      next_cursor: expect.any(String),
    })
    // A heartbeat with the same hash says that it is still so.
    expect(all.text).toMatch(/4 services \(.*2 running.*\), as of \S+Z, \d+ \w+ ago/)
    const rest = await calls.call('list_services', { device: id, limit: 3, cursor: all.data['next_cursor'] })
    expect(rest.data['services']).toEqual([expect.objectContaining({ name: 'nginx.service', state: 'stopped' })])
    const some = await calls.call('list_services', { device: id, text: 'spool' })
    expect(some.data).toMatchObject({ total: 1, services: [{ name: 'Spooler', display_name: 'Print Spooler' }] })
    expect((await calls.call('list_services', { device: id, state: ['failed', 'stopped'] })).data['total']).toBe(2)
  })

  it('are said to be unknown where the device can not tell them, or has not yet', async () => {
    const { id, agent } = await device(() => null)
    expect((await calls.call('list_services', { device: id })).text).toContain('not known (not collected)')
    const section = {
      status: 'unsupported',
      source: 'nothing',
      detail: 'no manager',
      collectedAt: '2026-01-31T10:00:00Z',
    }
    agent.send({ type: 'inventory', sections: { services: section }, hashes: { services: 'h' } })
    const told = await until(async () => {
      const answer = await calls.call('list_services', { device: id })
      return answer.data['status'] === 'unsupported' && answer
    })
    expect(told.text).toContain('not known (unsupported, the device says: "no manager")')
    expect(told.data).toMatchObject({ services: [], total: 0, detail: 'no manager' })
  })

  it('are restarted by the name that people use, and the answer is the state read back', async () => {
    const { id, received } = await device(restarted, { services: list })
    const { data, text } = await calls.call('manage_services', {
      device: id,
      service: 'print spooler',
      action: 'restart',
    })
    expect(received).toEqual([
      { type: 'service.control', args: { name: 'Spooler', action: 'restart', timeoutSeconds: 60 } },
    ])
    expect(data).toMatchObject({
      state: 'succeeded',
      operation: expect.any(String),
      service: { name: 'Spooler', before: 'stopped', state: 'running', pid: 7 },
      devices: [{ id, state: 'succeeded' }],
    })
    expect(text).toContain('Spooler: stopped before, running now, process 7')
    const exact = await calls.call('manage_services', { device: id, service: 'cron', action: 'stop' })
    expect(exact.data['service']).toMatchObject({ name: 'cron.service' })
  })

  it('that are not in the list are answered with those that could be meant; a newer one can be named all the same', async () => {
    const { id, received } = await device(restarted, { services: list })
    expect(await calls.refusal('manage_services', { device: id, service: 'crond', action: 'start' })).toMatchObject({
      code: 'not_found',
      reason: expect.stringContaining('2026-01-31'),
      candidates: [
        { id: 'cron.service', detail: 'running' },
        { id: 'crond-backup.service', detail: 'failed' },
      ],
    })
    expect(received).toEqual([])
    const unlisted = { device: id, service: 'crond', action: 'start', unlisted: true }
    expect((await calls.call('manage_services', unlisted)).data['service']).toMatchObject({ name: 'crond' })
    // Unlike anything in the list: the device knows best.
    await calls.call('manage_services', { device: id, service: 'zabbix-agent', action: 'start' })
    expect(received.map(({ args }) => 'name' in args && args.name)).toEqual(['crond', 'zabbix-agent'])
  })
})

describe('commands', () => {
  it('run in the shell of the platform, or what stands in for it', async () => {
    const answer: Answer = (body) =>
      body.type === 'script.run' ? { exitCode: 3, state: 'failed', output: 'no\n', outputBytes: 3 } : null
    const bash = await device(answer)
    const { data } = await calls.call('execute_command', { device: bash.id, command: 'false' })
    expect(data).toMatchObject({ shell: 'bash', devices: [{ state: 'failed', exit_code: 3, output: 'no\n' }] })
    expect(bash.received).toMatchObject([{ args: { language: 'bash', content: 'false', timeoutSeconds: 60 } }])
    const sh = await connectDevice(world, place, `sh-${made}`, {
      answer,
      sections: { capabilities: capabilities('script.bash') },
    })
    await calls.call('execute_command', { device: sh.id, command: 'false' })
    expect(sh.received).toMatchObject([{ args: { language: 'sh' } }])
    await world.sql(`update devices set platform = 'windows' where id = $1`, [sh.id])
    expect((await calls.call('execute_command', { device: sh.id, command: 'x', dry_run: true })).text).toContain(
      'powershell',
    )
  })

  it('are either one line or a preset', async () => {
    const { id } = await device(() => null)
    for (const input of [{}, { command: 'true', preset: 'network' }])
      expect(await calls.refusal('execute_command', { device: id, ...input })).toMatchObject({ code: 'invalid_input' })
  })

  it('of a preset answer with text to read and data to compute with: the last 50 event-log lines', async () => {
    const entries: LogEntry[] = Array.from({ length: 50 }, (_, n) => {
      return { at: '2026-01-31T10:00:00.000Z', level: 'info', source: 'sshd', message: `line ${n}` }
    })
    const { id, received } = await device((body) =>
      body.type === 'logs.read' ? found('logs.read', { source: 'journal', entries, more: true }) : null,
    )
    const { data, text } = await calls.call('execute_command', { device: id, preset: 'event_logs' })
    expect(received).toEqual([{ type: 'logs.read', args: { log: 'system', limit: 50 } }])
    expect(data['data']).toMatchObject({ source: 'journal', more: true })
    expect(text.split('\n').filter((line) => line.includes('info sshd: line '))).toHaveLength(50)
    expect(text).toContain('untrusted device content')
  })

  it('of the other presets become their typed commands', async () => {
    const { id, received } = await device((body) => {
      if (body.type === 'processes.list') return found('processes.list', { source: '/proc', total: 0, processes: [] })
      if (body.type !== 'network.diagnose') return null
      const check = { check: 'connect' as const, target: 'a:1', ok: false, milliseconds: null, detail: 'refused' }
      return found('network.diagnose', { source: 'x', defaultGateway: '192.0.2.1', nameServers: [], checks: [check] })
    })
    await calls.call('execute_command', { device: id, preset: 'processes', sort: 'memory', lines: 5, text: 'java' })
    const { text } = await calls.call('execute_command', { device: id, preset: 'network', target: 'a', port: 1 })
    expect(received).toEqual([
      { type: 'processes.list', args: { sort: 'memory', limit: 5, contains: 'java' } },
      { type: 'network.diagnose', args: { target: 'a', port: 1 } },
    ])
    expect(text).toContain('connect a:1: failed (refused)')
  })
})

describe('event logs', () => {
  it('are read now, by a signed command that belongs to an operation and stands in the audit', async () => {
    const { id, received } = await device((body) =>
      body.type === 'logs.read'
        ? found('logs.read', {
            source: '/var/log/auth.log',
            entries: [
              { at: null, level: null, source: 'sshd', message: 'x'.repeat(2000) },
              { at: '2026-01-31T10:00:00.000Z', level: 'error', source: 'su', message: 'password=hunter2hunter2' },
            ],
            more: false,
          })
        : null,
    )
    const reader = await world.caller(await world.key(await world.user('partner_viewer'), ['ai:read']))
    const input = { device: id, log: 'security', level: 'error', since: '2026-01-31T00:00:00Z', text: 'word', limit: 5 }
    const outcome = await world.invoke(reader, 'get_event_logs', input)
    if (outcome.status !== 'done') throw new Error(JSON.stringify(outcome))
    expect(received).toEqual([
      {
        type: 'logs.read',
        args: { log: 'security', limit: 5, level: 'error', since: '2026-01-31T00:00:00Z', contains: 'word' },
      },
    ])
    const { data } = outcome
    expect(data).toMatchObject({ state: 'read', source: '/var/log/auth.log', more: false })
    const [long, secret] = data['entries'] as LogEntry[]
    expect(long?.message).toHaveLength(1001)
    expect(secret).toMatchObject({ level: 'error', message: expect.not.stringContaining('hunter2') })
    expect(outcome.text).not.toContain('hunter2')
    const [operation] = await world.sql('select tool, tier, policy_applied from operations where id = $1', [
      data['operation'],
    ])
    expect(operation).toEqual({ tool: 'get_event_logs', tier: 1, policy_applied: 'client' })
    const [command] = await world.sql<{ signature: string; lasts: number }>(
      'select signature, extract(epoch from expires_at - issued_at)::int as lasts from device_commands where device_id = $1',
      [id],
    )
    expect(command).toMatchObject({ signature: expect.stringMatching(/[\w-]{80,}/), lasts: 60 })
    const audited = await world.sql<{ body: string }>(
      `select body from audit_entries where tool = 'get_event_logs' and body like $1`,
      [`%${String(data['operation'])}%`],
    )
    expect(audited).toHaveLength(1)
  })
})

it('event logs are read no more often than acts may be started', async () => {
  const limited = await boot({ env: { BREEZE_ENV: 'development', BREEZE_TOOL_CALLS_PER_MINUTE: '2' } })
  try {
    const { id } = await connectDevice(limited, await limited.organization('Limited'), 'limited', {
      answer: () => found('logs.read', { source: 'x', entries: [], more: false }),
    })
    const key = await limited.key(await limited.user('partner_viewer'), ['ai:read'])
    const reader = await limited.caller(key)
    const codes: string[] = []
    for (let n = 0; n < 3; n += 1) codes.push(codeOf(await limited.invoke(reader, 'get_event_logs', { device: id })))
    expect(codes).toEqual(['done', 'done', 'rate_limited'])
  } finally {
    await limited.stop()
  }
})

describe('files', () => {
  const content = Buffer.from('a=1\nsecret_token=abcdefgh12345678\n')
  const answer: Answer = (body) => {
    if (body.type === 'files.put') {
      const sizeBytes = Buffer.from(body.args.content, 'base64').length
      return found('files.put', { path: body.args.path, sizeBytes, sha256: 'f'.repeat(64), replaced: false })
    }
    if (body.type === 'files.delete') return found('files.delete', { path: body.args.path, sizeBytes: 9 })
    if (body.type === 'files.list') {
      const entry = { kind: 'file', sizeBytes: 3, modifiedAt: null, mode: '0644', owner: 'root' } as const
      return found('files.list', { path: body.args.path, total: 2, entries: [{ name: 'a\u202eb', ...entry }] })
    }
    if (body.type !== 'files.read') return null
    const whole = body.args.path.endsWith('.bin') ? Buffer.from([0, 1, 2, 255]) : content
    const part = whole.subarray(body.args.offset, body.args.offset + body.args.maxBytes)
    return found('files.read', {
      path: body.args.path,
      content: part.toString('base64'),
      offset: body.args.offset,
      sizeBytes: whole.length,
      sha256: null,
    })
  }

  it('are read as text with secrets masked, as bytes on request, and on from an offset', async () => {
    const { id } = await device(answer)
    const read = (more: object) =>
      calls.call('device_files', { device: id, action: 'read', path: '/etc/app.conf', ...more })
    const text = await read({})
    expect(text.data['file']).toEqual({
      path: '/etc/app.conf',
      size_bytes: content.length,
      content: expect.stringMatching(/^a=1\nsecret_token=.*masked/),
      sha256: null,
    })
    expect(text.text).not.toContain('abcdefgh12345678')
    expect(text.data.devices[0]).not.toHaveProperty('output')
    expect((await read({ encoding: 'base64' })).data['file']).toMatchObject({ base64: content.toString('base64') })
    expect((await read({ max_bytes: 4 })).data['file']).toMatchObject({ content: 'a=1\n', next_offset: 4 })
    const binary = await read({ path: '/opt/tool.bin' })
    expect(binary.data['file']).toMatchObject({ base64: 'AAEC/w==', size_bytes: 4 })
    expect(binary.text).toContain('binary, 4 bytes')
  })

  it('are put as text or as bytes, within the size that the protocol has', async () => {
    const { id, received } = await device(answer)
    const put = { device: id, action: 'put', path: '/tmp/x' }
    await calls.call('device_files', { ...put, content: 'grün\n', mode: '0644' })
    await calls.call('device_files', { ...put, content: 'AAE=', encoding: 'base64', overwrite: true })
    expect(received).toEqual([
      {
        type: 'files.put',
        args: { path: '/tmp/x', content: Buffer.from('grün\n').toString('base64'), overwrite: false, mode: 0o644 },
      },
      { type: 'files.put', args: { path: '/tmp/x', content: 'AAE=', overwrite: true } },
    ])
    for (const bad of [{}, { content: 'no!', encoding: 'base64' }, { content: 'ü'.repeat(300_000) }])
      expect(await calls.refusal('device_files', { ...put, ...bad })).toMatchObject({
        code: 'invalid_input',
        reason: expect.stringContaining('content'),
      })
  })

  it('are listed with hidden characters shown, and deleted; on a server deleting asks first', async () => {
    const { id } = await device(answer)
    const listed = await calls.call('device_files', { device: id, action: 'list', path: '/tmp' })
    expect(listed.data['file']).toMatchObject({
      total: 2,
      entries: [{ name: 'a\ufffdb', kind: 'file', size_bytes: 3 }],
    })
    const gone = await calls.call('device_files', { device: id, action: 'delete', path: '/tmp/x' })
    expect(gone.data).toMatchObject({ state: 'succeeded', file: { path: '/tmp/x', size_bytes: 9 } })
    await world.sql(`update devices set role = 'server' where id = $1`, [id])
    const held = await calls.invoke('device_files', { device: id, action: 'delete', path: '/tmp/x' })
    expect(held).toMatchObject({
      status: 'held',
      hold: { plan: { irreversible: ['The file is gone: Breeze keeps no copy.'] } },
    })
  })
})

describe('the output of a run', () => {
  it('is read while it runs, and page by page afterwards', async () => {
    let commandId = ''
    const { id, agent } = await device((_, id) => {
      commandId = id
      return null
    })
    const gone = new AbortController()
    const running = world.server.door.invoke(
      technician,
      'run_script',
      { devices: id, content: 'long', run_as: 'nobody', working_directory: '/tmp' },
      { surface: 'rest', signal: gone.signal },
    )
    await until(() => commandId !== '')
    agent.send({ type: 'started', commandId, startedAt: new Date().toISOString() })
    agent.send({ type: 'output', commandId, sequence: 0, text: 'so far\n' })
    gone.abort()
    const answer = await running
    if (answer.status !== 'done') throw new Error(JSON.stringify(answer))
    const run = String(answer.data['run'])
    const live = await until(async () => {
      const { data } = await calls.call('get_script_results', { run })
      return data.devices[0]?.['output'] === 'so far\n' && data
    })
    expect(live).toMatchObject({ state: 'running', devices: [{ state: 'started', truncated: false }] })
    const whole = Array.from({ length: 3000 }, (_, n) => `line ${n} ${'😀'.repeat(5)}\n`).join('')
    agent.result(commandId, { output: whole, outputBytes: Buffer.byteLength(whole) })
    await until(async () => (await calls.call('get_script_results', { run })).data['state'] === 'succeeded')
    let read = ''
    for (let offset: unknown = 0; offset !== undefined;) {
      const { data } = await calls.call('get_script_results', { run, device: id, offset })
      const part = String(data.devices[0]?.['output'])
      expect(part.endsWith('\n')).toBe(true)
      read += part
      offset = data['next_offset']
    }
    expect(read === whole).toBe(true)
    expect(await calls.refusal('get_script_results', { run, offset: 5 })).toMatchObject({ code: 'invalid_input' })
  })
})
