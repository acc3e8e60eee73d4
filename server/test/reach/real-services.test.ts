/** A service of this very machine, through an official client. */
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../agents/fleet.ts'
import { boot, type Harness } from '../harness.ts'
import { type AnyClient, officialClients } from '../mcp/clients.ts'
import { type AgentProcess, PATIENCE_MS, startAgent } from './agent-process.ts'
import { ask } from './technician.ts'
import { installService, runs, type ThrowAwayService } from './throw-away-service.ts'

/** Only root may install a service. */
const mayInstall = process.getuid?.() === 0 && existsSync('/etc/init.d')

let world: Harness
let machine: AgentProcess
let client: AnyClient
let service: ThrowAwayService | undefined
let device: string
beforeAll(async () => {
  if (mayInstall) service = await installService()
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  machine = await startAgent(world, await world.organization('Northwind'))
  device = machine.id
  const key = await world.key(await world.user('partner_technician'), ['ai:execute'])
  const connect = officialClients((path) => `${world.server.url}/api/v1/mcp${path}`)['v1 over Streamable HTTP']
  if (!connect) throw new Error('no such client')
  client = await connect(key.key)
}, 2 * PATIENCE_MS)
afterAll(async () => {
  service?.remove()
  await client?.close()
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
