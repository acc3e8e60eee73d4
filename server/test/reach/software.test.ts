/** A package that is installed on this very machine, and what the server knows of it. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../agents/fleet.ts'
import { boot, type Harness } from '../harness.ts'
import { type AnyClient, officialClients } from '../mcp/clients.ts'
import { type AgentProcess, PATIENCE_MS, startAgent } from './agent-process.ts'
import { ask } from './technician.ts'

const NAME = 'breeze-test-package'
let world: Harness
let machine: AgentProcess
let client: AnyClient
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-software-'))
  build('1.0')
  build('1.1')
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  machine = await startAgent(world, await world.organization('Northwind'))
  const key = await world.key(await world.user('partner_technician'), ['ai:execute'])
  const connect = officialClients((path) => `${world.server.url}/api/v1/mcp${path}`)['v2 pinned to 2026-07-28']
  if (!connect) throw new Error('no such client')
  client = await connect(key.key)
}, 2 * PATIENCE_MS)
afterAll(async () => {
  if (process.getuid?.() === 0) execFileSync('dpkg', ['--purge', NAME], { stdio: 'ignore' })
  rmSync(folder, { recursive: true })
  await client?.close()
  await machine?.stop()
  await world?.stop()
})

/** Nothing but its own name. */
function build(version: string): void {
  const root = join(folder, version)
  mkdirSync(join(root, 'DEBIAN'), { recursive: true })
  const control = [
    `Package: ${NAME}`,
    `Version: ${version}`,
    'Architecture: all',
    'Maintainer: Nobody <nobody@example.org>',
  ]
  writeFileSync(join(root, 'DEBIAN/control'), [...control, 'Description: nothing', ''].join('\n'))
  execFileSync('dpkg-deb', ['--build', root, `${root}.deb`], { stdio: 'ignore' })
}

async function known(): Promise<string[]> {
  const rows = await world.sql<{ version: string }>(
    'select version from device_software where device_id = $1 and name = $2',
    [machine.id, NAME],
  )
  return rows.map(({ version }) => version)
}

const run = (command: string) => ask(client, 'execute_command', { device: machine.id, command })

// dpkg installs for root only.
it.runIf(process.getuid?.() === 0)(
  'what a command installs, upgrades and removes is known soon, and all else stays',
  async () => {
    const count = async () =>
      (await world.sql<{ count: string }>('select count(*) from device_software where device_id = $1', [machine.id]))[0]
        ?.count
    await until(async () => Number(await count()) > 0, PATIENCE_MS)
    for (const version of ['1.0', '1.1']) {
      await run(`dpkg -i ${join(folder, version)}.deb`)
      await until(async () => (await known()).includes(version), PATIENCE_MS)
      expect(await known()).toEqual([version])
    }
    await run(`dpkg --purge ${NAME}`)
    await until(async () => (await known()).length === 0, PATIENCE_MS)
    expect(Number(await count())).toBeGreaterThan(0)
  },
)
