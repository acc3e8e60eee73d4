/** What a technician's assistant asks of this very machine: official client, whole server, real agent. */
import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { LogEntry, ResultData } from '@breeze/contract/agent-commands'
import type { SectionData } from '@breeze/contract/agent-inventory'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../agents/fleet.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { type AnyClient, officialClients } from '../mcp/clients.ts'
import { type AgentProcess, PATIENCE_MS, startAgent } from './agent-process.ts'
import { ask } from './technician.ts'

let world: Harness
let place: Organization
let machine: AgentProcess
let client: AnyClient
let device: string
beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  place = await world.organization('Northwind')
  machine = await startAgent(world, place)
  device = machine.id
  const key = await world.key(await world.user('partner_technician'), ['ai:execute'])
  const connect = officialClients((path) => `${world.server.url}/api/v1/mcp${path}`)['v2 pinned to 2026-07-28']
  if (!connect) throw new Error('no such client')
  client = await connect(key.key)
}, 2 * PATIENCE_MS)
afterAll(async () => {
  await client?.close()
  await machine?.stop()
  await world?.stop()
})

it('runs a command line and answers with what it wrote', async () => {
  const { data, text } = await ask(client, 'execute_command', { device, command: 'hostname; exit 3' })
  expect(data).toMatchObject({
    shell: 'bash',
    devices: [{ id: device, state: 'failed', exit_code: 3, output: `${hostname()}\n` }],
    untrusted: expect.any(String),
    audit_entry: expect.any(String),
  })
  expect(text).toContain(`[output of ${machine.name}: untrusted device content`)
})

it('shows what a script has written while it runs, and cancels it', async () => {
  const running = ask(client, 'run_script', {
    devices: device,
    content: 'echo "it began"; echo $$ > "$1"; for n in $(seq 600); do sleep 0.1; done; echo "it ended"',
    arguments: [join(machine.folder, 'pid')],
  })
  const operation = await until(async () => {
    const { data } = await ask(client, 'get_device_details', { device, sections: ['commands'] })
    const [latest] = data['recent_commands'] as { operation: string; state: string }[]
    return latest?.state === 'started' && latest.operation
  }, PATIENCE_MS)
  const live = await until(async () => {
    const { data } = await ask(client, 'get_script_results', { run: operation })
    return data.devices[0]?.['output'] === 'it began\n' && data
  }, PATIENCE_MS)
  expect(live).toMatchObject({ state: 'running', devices: [{ state: 'started' }] })
  const cancelled = await ask(client, 'cancel_operation', { operation })
  expect(cancelled.data).toMatchObject({ cancelled: 0, asked: 1 })
  const { data } = await running
  expect(data).toMatchObject({ state: 'cancelled', devices: [{ state: 'cancelled', output: 'it began\n' }] })
  const pid = (await readFile(join(machine.folder, 'pid'), 'utf8')).trim()
  await expect(readFile(`/proc/${pid}/stat`)).rejects.toThrow('ENOENT')
})

it('runs the scripts that come with Breeze for this system', async () => {
  const { data: library } = await ask(client, 'list_scripts', { os: 'linux', limit: 200 })
  const names = (library['scripts'] as { name: string; built_in: boolean }[])
    .filter((script) => script.built_in)
    .map(({ name }) => name)
  expect(names).toHaveLength(6)
  const run = async (script: string, parameters: object = {}) => {
    const { data } = await ask(client, 'run_script', { script, parameters, devices: device })
    return data.devices[0]
  }
  expect(await run('disk clean-up report (linux, macos)', { path: '/etc', top: 3 })).toMatchObject({
    state: 'succeeded',
    output: expect.stringMatching(/^== File systems\nFilesystem.*== Largest folders below \/etc.* MB  \/etc\n/s),
  })
  expect(await run('Pending restart (Linux)')).toMatchObject({
    state: 'succeeded',
    output: expect.stringMatching(/^Up for \d+ days and \d+ hours\.\n(No|A) restart is pending/),
  })
  expect(await run('Local administrators (Linux, macOS)')).toMatchObject({
    state: 'succeeded',
    output: expect.stringContaining('== Accounts with user id 0\nroot\n'),
  })
  expect(await run('Flush DNS (Linux, macOS)')).toMatchObject({ state: 'succeeded' })
  expect(await run('Collect diagnostics', { top: 3 })).toMatchObject({
    state: 'succeeded',
    output: expect.stringContaining('The 3 processes with the most memory'),
  })
})

it('lists processes as this machine does', async () => {
  const { data, text } = await ask(client, 'execute_command', {
    device,
    preset: 'processes',
    sort: 'memory',
    lines: 500,
  })
  const { processes } = data['data'] as ResultData<'processes.list'>
  const own = processes.find(({ pid }) => pid === process.pid)
  expect(own?.commandLine).toContain('node')
  expect(own?.parent).toBe(process.ppid)
  expect(text).toContain('pid  user  CPU  memory  state  command')
})

it('checks the network from the device', async () => {
  const { port } = new URL(world.server.url)
  const { data } = await ask(client, 'execute_command', {
    device,
    preset: 'network',
    target: '127.0.0.1',
    port: Number(port),
  })
  const { checks } = data['data'] as ResultData<'network.diagnose'>
  expect(checks).toContainEqual(expect.objectContaining({ check: 'connect', ok: true }))
})

it('reads an event log with a credential that only reads', async () => {
  const key = await world.key(await world.user('partner_viewer'), ['ai:read'])
  const connect = officialClients((path) => `${world.server.url}/api/v1/mcp${path}`)['v2 choosing by itself']
  const reader = await connect?.(key.key)
  if (!reader) throw new Error('no such client')
  const { data, text } = await ask(reader, 'get_event_logs', { device, log: 'agent', text: 'started' })
  expect(data).toMatchObject({ state: 'read', source: expect.stringContaining('agent'), more: false })
  const entries = data['entries'] as LogEntry[]
  expect(entries.map(({ message }) => message)).toContainEqual(expect.stringContaining(device))
  expect(text).toContain('untrusted device content')
  await reader.close()
})

it('reads the package log as it stands on the disk', async () => {
  const lines = execFileSync('tail', ['-n', '5', '/var/log/dpkg.log'], { encoding: 'utf8' }).trim().split('\n')
  const { data } = await ask(client, 'get_event_logs', { device, log: 'packages', limit: 200 })
  const said = (data['entries'] as LogEntry[]).map(({ message }) => message).join('\n')
  for (const line of lines) expect(said).toContain(line.split(' ').slice(2).join(' '))
})

it("has this machine send another one's wake-up packet, and says only that it was sent", async () => {
  const mac = '02:5e:00:00:53:01'
  const sleeper = await world.device(place, 'NW-SLEEPER')
  await world.sql(
    `insert into device_sections (device_id, section, organization_id, site_id, status, source, collected_at, hash, data)
     values ($1, 'network', $2, $3, 'ok', 'a test', now(), 'h', $4)`,
    [sleeper, place.id, place.siteId, JSON.stringify([{ name: 'eth0', mac, up: false, addresses: [] }])],
  )
  const { data } = await ask(client, 'device_actions', { action: 'wake', devices: sleeper })
  expect(data).toMatchObject({
    counts: { sent: 1 },
    devices: [{ id: sleeper, state: 'sent', reason: `packet sent by ${machine.name}` }],
  })
  const sent = await ask(client, 'get_operation', { operation: data['operation'] })
  expect(sent.data).toMatchObject({ state: 'succeeded', devices: [{ id: device, state: 'succeeded' }] })
})

it('refuses, before anything is queued, what this machine says it can not do', async () => {
  const { data } = await ask(client, 'get_device_details', { device, sections: ['capabilities'] })
  const [section] = data['sections'] as { data: { name: string; supported: boolean; reason?: string }[] }[]
  const lacking = (section?.data ?? []).filter(({ supported }) => !supported)
  // No PowerShell, cmd or desktop here; whatever of it there is some day is left out.
  for (const { name, reason } of lacking) expect([name, reason]).toEqual([name, expect.any(String)])
  const shells = lacking.flatMap(({ name }) => (name.startsWith('script.') ? [name.slice('script.'.length)] : []))
  expect(shells).toContain('cmd')
  for (const language of shells.filter((shell) => shell !== 'run_as')) {
    const refused = await ask(client, 'run_script', { devices: device, language, content: 'exit 0' })
    expect([language, refused.data]).toMatchObject([language, { code: 'unsupported', audit_entry: expect.any(String) }])
  }
  if (lacking.some(({ name }) => name === 'device.lock')) {
    const refused = await ask(client, 'device_actions', { action: 'lock', devices: device })
    expect(refused.data).toMatchObject({ code: 'unsupported', reason: expect.stringContaining('device.lock') })
  }
})

it('tells of the machine what the machine tells', async () => {
  const sections = ['identity', 'os', 'capabilities', 'services', 'users']
  const { data, text } = await until(async () => {
    const answer = await ask(client, 'get_device_details', { device, sections })
    const told = answer.data['sections'] as { status: string }[]
    return told.every(({ status }) => status !== 'not_collected') && answer
  }, PATIENCE_MS)
  const told = new Map((data['sections'] as { name: string; data: unknown }[]).map((one) => [one.name, one.data]))
  expect(told.get('identity')).toMatchObject({ hostname: hostname() })
  expect(told.get('users')).toMatchObject({
    users: expect.arrayContaining([expect.objectContaining({ name: 'root' })]),
  })
  expect(told.get('capabilities')).toContainEqual(expect.objectContaining({ name: 'script.bash', supported: true }))
  expect(text).toMatch(/capabilities: can script\.bash/)
})

const printed = (program: string, ...args: string[]): string[] =>
  execFileSync(program, args, { encoding: 'utf8', env: { ...process.env, COLUMNS: '500' } })
    .trim()
    .split('\n')

it('answers with what df, free, lscpu and /proc say here', async () => {
  const { data } = await ask(client, 'get_device_details', { device, sections: ['disks', 'memory', 'cpu', 'os'] })
  const told = new Map((data['sections'] as { name: string; data: unknown }[]).map((one) => [one.name, one.data]))
  // Those of other tests come and go.
  const disks = (told.get('disks') as SectionData<'disks'>).filter(({ mount }) => !mount.includes('breeze-disk-'))
  const lines = printed('df', '-B1', '--output=target,source,fstype,size', ...disks.map(({ mount }) => mount)).slice(1)
  expect(disks.map((one) => [one.mount, one.device, one.filesystem, String(one.totalBytes)])).toEqual(
    lines.map((line) => line.split(/\s+/)),
  )
  const [, memory = '', swap = ''] = printed('free', '-b')
  expect(told.get('memory')).toMatchObject({
    totalBytes: Number(memory.split(/\s+/)[1]),
    swapTotalBytes: Number(swap.split(/\s+/)[1]),
  })
  const processors = (await readFile('/proc/cpuinfo', 'utf8')).match(/^processor\s*:/gm) ?? []
  const [kernel, bootId] = ['/proc/sys/kernel/osrelease', '/proc/sys/kernel/random/boot_id'].map(
    (path) => printed('cat', path)[0],
  )
  expect(told.get('cpu')).toMatchObject({ threads: processors.length })
  expect(told.get('os')).toMatchObject({ kernel, bootId })
})

it('answers with every line of dpkg -l', async () => {
  const listed = printed('dpkg', '-l').flatMap((line) => {
    const [state = '', name = '', version, architecture] = line.split(/\s+/)
    return /^[a-z]i$/.test(state) ? [[name.split(':')[0], version, architecture].join(' ')] : []
  })
  const found: string[] = []
  let cursor: string | undefined
  do {
    const page = { software_limit: 200, ...(cursor && { software_cursor: cursor }) }
    const { data } = await until(async () => {
      const answer = await ask(client, 'get_device_details', { device, sections: ['software'], ...page })
      return Number((answer.data['software'] as { total: number }).total) > 0 && answer
    }, PATIENCE_MS)
    const { packages, next_cursor: next } = data['software'] as { packages: Package[]; next_cursor?: string }
    found.push(
      ...packages
        .filter(({ source }) => source === 'dpkg')
        .map((one) => `${one.name} ${one.version} ${one.architecture}`),
    )
    cursor = next
  } while (cursor !== undefined)
  expect(found.toSorted()).toEqual(listed.toSorted())
})

interface Package {
  source: string
  name: string
  version: string
  architecture: string
}
