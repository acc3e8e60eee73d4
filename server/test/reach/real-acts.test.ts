/**
 * Four acts on this machine, as a technician's assistant does them in production: told what would happen, confirmed with the
 * token, seen on the machine itself, and told by the audit with who, what, why allowed and outcome.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AptRoot } from '../../../agent/test/apt-root.ts'
import { whyNoNetworks } from '../../../agent/test/namespaces.ts'
import { until } from '../agents/fleet.ts'
import { boot, type Harness, type Organization, type TestKey } from '../harness.ts'
import { type AnyClient, officialClients } from '../mcp/clients.ts'
import { type AgentProcess, PATIENCE_MS, startAgent } from './agent-process.ts'
import { type Cable, layCable } from './cable.ts'
import { callOnce, type Reply } from './technician.ts'
import { installService, runs, type ThrowAwayService } from './throw-away-service.ts'

const reason =
  process.getuid?.() === 0 && existsSync('/usr/bin/apt-get') && existsSync('/etc/init.d')
    ? whyNoNetworks()
    : 'only root can do this, on a system with apt'
if (reason !== undefined) process.stderr.write(`skipped: ${reason}\n`)

const SECRET = 'correct-horse-battery-9'
const ALLOWED = 'run_script,manage_services,deploy_patches,device_actions'
const MODERN = 'v2 pinned to 2026-07-28'
const FORMER = 'v1 over Streamable HTTP'

describe.skipIf(reason !== undefined)('through MCP, with a confirmation', () => {
  let world: Harness
  let cable: Cable
  let apt: AptRoot
  let service: ThrowAwayService
  let place: Organization
  let machine: AgentProcess
  let key: TestKey
  let person: string
  const clients: AnyClient[] = []
  const client = async (name: string): Promise<AnyClient> => {
    const connect = officialClients((path) => `${world.server.url}/api/v1/mcp${path}`)[name]
    if (!connect) throw new Error(`no client ${name}`)
    const connected = await connect(key.key)
    clients.push(connected)
    return connected
  }
  let modern: AnyClient
  let former: AnyClient

  beforeAll(async () => {
    cable = await layCable(() => world.server.url)
    apt = new AptRoot()
    apt.install([{ name: 'breeze-dummy', version: '1.0' }])
    apt.publish([{ name: 'breeze-dummy', version: '1.1' }])
    apt.run('apt-get', 'update')
    service = await installService()
    const often = { BREEZE_AGENT_HEARTBEAT_SECONDS: '5', BREEZE_AGENT_INVENTORY_SECONDS: '10' }
    // Production, because its public address is not this machine's own.
    world = await boot({ env: { ...often, BREEZE_PUBLIC_URL: cable.url, MCP_EXECUTE_TOOL_ALLOWLIST: ALLOWED } })
    place = await world.organization('Northwind')
    await world.sql(
      `insert into confirmation_policies (id, partner_id, tier, policy) values (gen_random_uuid(), $1, 3, 'elicit')`,
      [world.server.installation.partnerId],
    )
    person = await world.user('partner_admin')
    key = await world.key(person, ['ai:execute'])
    machine = await startAgent(world, place, { mounts: apt.mounts(), cable })
    modern = await client(MODERN)
    former = await client(FORMER)
  }, 2 * PATIENCE_MS)
  afterAll(async () => {
    for (const one of clients) await one.close()
    await machine?.stop()
    await world?.stop()
    service?.remove()
    apt?.close()
    await cable?.close()
  })

  /** Asked without a confirmation: nothing happens yet. Answers with what was told and how to go ahead. */
  async function plan(by: AnyClient, tool: string, input: Record<string, unknown>) {
    const held = await callOnce(by, tool, input)
    expect(held.data).toMatchObject({
      state: 'confirmation_required',
      operation: expect.any(String),
      plan: { summary: expect.any(String), blast_radius: { devices: 1, names: [machine.name] } },
    })
    const { token } = held.data['confirmation'] as { token: string }
    return { held, confirm: () => callOnce(by, tool, { ...input, confirmation: token }) }
  }

  interface Entry {
    id: string
    input: string
    duration_ms: number
  }
  /** What the audit tells of an act, by the very client that did it. */
  async function audited(by: AnyClient, tool: string, held: Reply, done: Reply): Promise<Entry[]> {
    const operation = held.data['operation']
    const query = { tool, organization: place.id, credential: key.id }
    const { data } = await callOnce(by, 'query_audit_log', query)
    const entries = (data['entries'] as (Entry & Record<string, unknown>)[])
      .filter((entry) => entry['operation'] === operation && entry['channel'] === 'mcp')
      .toReversed()
    const [user] = await world.sql<{ name: string }>('select name from users where id = $1', [person])
    // The former client says its name at the beginning only; from then on its HTTP library's is what is known.
    const name = by === modern ? 'acceptance 3.1.4' : 'node'
    const who = { actor: user?.name, credential: `api_key: key ${key.id.slice(-4)}`, client: name }
    const common = { ...who, tool, tier: 3, organization: place.id, why: 'policy elicit, applied as preview' }
    const allowed = { ...common, id: expect.any(String), decision: 'allowed', code: null }
    expect(entries).toMatchObject([
      { ...common, id: held.data['audit_entry'], decision: 'held', code: 'confirmation_required', outcome: null },
      { ...allowed, kind: 'intent', outcome: null },
      { ...allowed, kind: 'outcome', id: done.data['audit_entry'], outcome: 'succeeded' },
    ])
    expect(entries[2]?.duration_ms).toBeGreaterThanOrEqual(0)
    return entries
  }

  it('a script runs once, and its secret is in no audit', async () => {
    const file = join(machine.folder, 'ran')
    const input = {
      devices: machine.id,
      content: 'echo "${#PARAM_PASSWORD} $(ip -o -4 address show dev cable | cut -d" " -f7)" >> "$1"',
      arguments: [file],
      secrets: { password: SECRET },
    }
    const { held, confirm } = await plan(modern, 'run_script', input)
    expect(existsSync(file)).toBe(false)
    const done = await confirm()
    expect(done.data).toMatchObject({ state: 'succeeded', operation: held.data['operation'] })
    // Written by a process of that machine, in its own network.
    expect(readFileSync(file, 'utf8')).toBe(`${SECRET.length} 10.213.0.2/30\n`)
    expect((await confirm()).data).toMatchObject({ code: 'confirmation_invalid' })
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(2)
    const entries = await audited(modern, 'run_script', held, done)
    for (const { input: told } of entries) {
      expect(told).toContain('"secrets":"[masked]"')
      expect(told).not.toContain(SECRET)
    }
  })

  it('a service restarts', async () => {
    const manage = (action: string) => ({ device: machine.id, service: service.name, action })
    await until(async () => {
      const { data } = await callOnce(modern, 'list_services', { device: machine.id, text: service.name })
      return data['total'] === 1
    }, PATIENCE_MS)
    await (await plan(modern, 'manage_services', manage('start'))).confirm()
    const before = await service.pid()
    const began = startedAt(before)
    const { held, confirm } = await plan(modern, 'manage_services', manage('restart'))
    expect([await service.pid(), runs(before)]).toEqual([before, true])
    const done = await confirm()
    expect(done.data).toMatchObject({ state: 'succeeded', service: { before: 'running', state: 'running' } })
    const after = await service.pid()
    expect([runs(before), runs(after)]).toEqual([false, true])
    expect(startedAt(after)).toBeGreaterThan(began)
    await audited(modern, 'manage_services', held, done)
  })

  it('a package is patched', async () => {
    const version = () =>
      cable.run('dpkg-query', `--admindir=${apt.root}/var/lib/dpkg`, '-W', '-f=${Version}', 'breeze-dummy')
    await until(async () => {
      const { data } = await callOnce(former, 'get_patch_status', { device: machine.id, group_by: 'update' })
      return JSON.stringify(data).includes('breeze-dummy')
    }, PATIENCE_MS)
    const input = { devices: machine.id, when: 'now', updates: 'breeze-dummy' }
    const { held, confirm } = await plan(former, 'deploy_patches', input)
    expect(version()).toBe('1.0')
    const done = await confirm()
    expect(done.data).toMatchObject({ state: 'finished', devices: [{ id: machine.id, state: 'succeeded' }] })
    expect(version()).toBe('1.1')
    expect(apt.run('dpkg', '-s', 'breeze-dummy')).toMatch(/Status: install ok installed[^]*Version: 1\.1/)
    await audited(former, 'deploy_patches', held, done)
  })

  it('a device is isolated, keeps its server, and is released', async () => {
    const act = (action: string) => ({ devices: machine.id, action, reason: 'a drill' })
    const table = () => cable.run('nft', 'list', 'ruleset')
    const reach = () => [cable.reaches('server'), cable.reaches('stranger')]
    const { held, confirm } = await plan(former, 'device_actions', act('isolate'))
    expect([reach(), table()]).toEqual([[true, true], ''])
    const done = await confirm()
    expect(done.data).toMatchObject({ state: 'succeeded', devices: [{ state: 'succeeded' }] })
    expect(table()).toMatch(/table inet breeze_isolation \{[^]*policy drop/)
    expect(reach()).toEqual([true, false])
    await audited(former, 'device_actions', held, done)
    // The channel holds: what is asked of it now is answered, and by the device.
    const { confirm: look } = await plan(modern, 'run_script', { devices: machine.id, content: 'echo still here' })
    expect((await look()).data).toMatchObject({ state: 'succeeded', devices: [{ output: 'still here\n' }] })
    expect((await (await plan(modern, 'device_actions', act('release'))).confirm()).data).toMatchObject({
      state: 'succeeded',
    })
    expect([reach(), table()]).toEqual([[true, true], ''])
  })
})

/** In clock ticks since the machine came up. */
function startedAt(pid: number | null): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return Number(fields[19])
}
