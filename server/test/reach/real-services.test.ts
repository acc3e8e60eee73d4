/** A service and a disk of this very machine, managed and watched through an official client. */
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../agents/fleet.ts'
import { boot, type Harness } from '../harness.ts'
import { type AnyClient, officialClients } from '../mcp/clients.ts'
import { type AgentProcess, PATIENCE_MS, startAgent } from './agent-process.ts'
import { ask } from './technician.ts'
import { mayMount, mountDisk, type ThrowAwayDisk } from './throw-away-disk.ts'
import { installService, runs, type ThrowAwayService } from './throw-away-service.ts'

/** Only root may install a service. */
const mayInstall = process.getuid?.() === 0 && existsSync('/etc/init.d')

let world: Harness
let machine: AgentProcess
let client: AnyClient
/** Who may say what raises alerts. */
let admin: AnyClient
let service: ThrowAwayService | undefined
let disk: ThrowAwayDisk | undefined
let device: string
beforeAll(async () => {
  if (mayInstall) service = await installService()
  if (mayMount) disk = mountDisk()
  const often = { BREEZE_AGENT_HEARTBEAT_SECONDS: '5', BREEZE_AGENT_INVENTORY_SECONDS: '10' }
  world = await boot({ env: { BREEZE_ENV: 'development', ...often } })
  machine = await startAgent(world, await world.organization('Northwind'), { hurried: true })
  device = machine.id
  const address = (path: string) => `${world.server.url}/api/v1/mcp/areas/alerts,devices${path}`
  const connect = officialClients(address)['v1 over Streamable HTTP']
  if (!connect) throw new Error('no such client')
  const key = async (role: string) => (await world.key(await world.user(role), ['ai:execute'])).key
  client = await connect(await key('partner_technician'))
  admin = await connect(await key('partner_admin'))
}, 2 * PATIENCE_MS)
afterAll(async () => {
  service?.remove()
  disk?.remove()
  await client?.close()
  await admin?.close()
  await machine?.stop()
  await world?.stop()
})

describe.skipIf(!mayInstall)('a service of our own', () => {
  const manage = (action: string) => ask(client, 'manage_services', { device, service: service?.name, action })

  it('stands in the list as stopped', async () => {
    const { data } = await until(async () => {
      const answer = await ask(client, 'list_services', { device, text: service?.name ?? '' })
      return answer.data['status'] === 'ok' && answer
    }, PATIENCE_MS)
    expect(data).toMatchObject({ services: [{ name: service?.name, state: 'stopped', manager: 'sysv' }], total: 1 })
  })

  it('is started, restarted and stopped, each time with the state read back', async () => {
    const started = await manage('start')
    expect(started.data).toMatchObject({ state: 'succeeded', service: { before: 'stopped', state: 'running' } })
    const first = await service?.pid()
    expect(runs(first ?? null)).toBe(true)
    const restarted = await manage('restart')
    expect(restarted.data).toMatchObject({ state: 'succeeded', service: { before: 'running', state: 'running' } })
    const second = await service?.pid()
    expect([runs(first ?? null), runs(second ?? null)]).toEqual([false, true])
    const stopped = await manage('stop')
    expect(stopped.data).toMatchObject({
      state: 'succeeded',
      service: { name: service?.name, before: 'running', state: 'stopped', pid: null },
    })
    expect(stopped.text).toContain('running before, stopped now')
    expect(runs(second ?? null)).toBe(false)
  })

  it('whose name is none of this machine is answered by the device', async () => {
    const { data } = await ask(client, 'manage_services', { device, service: 'qqq-none', action: 'start' })
    expect(data).toMatchObject({ state: 'failed' })
    expect(data.devices[0]?.['state']).toMatch(/rejected|failed/)
  })
})

/** A rule for everything, and what it raised: an alert, or none any more. */
async function watch(source: string, condition: Record<string, unknown>) {
  const rule = { name: `Ours: ${source}`, source, severity: 'critical', condition, clear_after_seconds: 0 }
  const { data } = await ask(admin, 'manage_alert_rules', { action: 'create', fire_after_seconds: 0, ...rule })
  expect(data).toMatchObject({ state: 'created' })
  const told = async (status: string, title: RegExp) => {
    const answer = await ask(client, 'get_alerts', { device, source, severity: 'critical', status })
    return (answer.data['alerts'] as Record<string, unknown>[]).find((alert) => title.test(String(alert['title'])))
  }
  return {
    opens: (title: RegExp) => until(() => told('open', title), PATIENCE_MS),
    closes: (title: RegExp) => until(async () => !(await told('open', title)) && told('resolved', title), PATIENCE_MS),
  }
}

it.skipIf(!mayInstall)('tells when a service stops that was not stopped by Breeze, and when it is back', async () => {
  const { name = '' } = service ?? {}
  const start = () => ask(client, 'manage_services', { device, service: name, action: 'start' })
  expect((await start()).data).toMatchObject({ service: { state: 'running' } })
  const { opens, closes } = await watch('service_stopped', { services: [name] })
  await service?.stop()
  const title = new RegExp(`^Service ${name} stopped$`)
  expect(await opens(title)).toMatchObject({ device: { id: device }, value: 'stopped', threshold: 'running' })
  expect((await start()).data).toMatchObject({ service: { before: 'stopped', state: 'running' } })
  expect(await closes(title)).toMatchObject({ resolved_at: expect.any(String) })
})

it('tells when a disk fills up, with what df says, and when it is free again', async ({ skip }) => {
  skip(!mayMount, 'only root may mount a disk')
  const { mount = '' } = disk ?? {}
  const levels = [{ severity: 'critical', fire: 80, clear: 50, label: 'Throw-away' }]
  const { opens, closes } = await watch('metric', { metric: 'disk', mount, levels })
  disk?.fill()
  const title = new RegExp(`^Throw-away: ${mount} is \\d+ % full$`)
  expect(await opens(title)).toMatchObject({ device: { id: device }, value: disk?.usedPercent(), threshold: 80 })
  disk?.free()
  expect(await closes(title)).toMatchObject({ last_value: disk?.usedPercent(), resolved_at: expect.any(String) })
})
