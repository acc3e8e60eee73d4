import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { boot, type Harness } from '../harness.ts'
import { runCli } from './run-cli.ts'

let h: Harness
let folder: string

beforeAll(async () => {
  h = await boot()
  folder = await mkdtemp(join(tmpdir(), 'breeze-cli-agents-'))
  await h.organization('Acme')
})
afterAll(async () => {
  await h.stop()
  await rm(folder, { recursive: true, force: true })
})

const env = (): Record<string, string> => ({ BREEZE_DATA_DIR: h.dataDir })

describe('agent run', () => {
  it('enrolls with a token, comes online, and says goodbye when stopped', async () => {
    const made = await runCli(['enroll', 'create', '--org', 'Acme', '--json'], { env: env() })
    const { token } = JSON.parse(made.stdout)
    const stop = Promise.withResolvers<() => void>()
    const args = ['agent', 'run', '--server', h.server.url, '--token', token, '--state', join(folder, 'agent')]
    const running = runCli(args, {
      env: { ...env(), BREEZE_AGENT_POWER: 'dry-run' },
      started: (child) => stop.resolve(() => child.kill('SIGTERM')),
    })
    await vi.waitFor(async () => expect(await h.sql(`select from devices where status = 'online'`)).toHaveLength(1), {
      timeout: 20_000,
      interval: 200,
    })
    ;(await stop.promise)()
    const ended = await running
    expect([ended.code, ended.stderr]).toEqual([0, expect.stringContaining('The agent runs as device')])
    expect(ended.stderr).not.toContain(token)
  })

  it('refuses to talk in clear over a network, and a command line without a server', async () => {
    const plain = await runCli(['agent', 'run', '--server', 'http://rmm.example.com', '--state', folder])
    expect([plain.code, plain.stderr]).toEqual([2, expect.stringContaining('Plain http is refused')])
    const none = await runCli(['agent', 'run'])
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('No server given')])
  })
})

describe('fleet simulate', () => {
  it('enrolls what is missing, comes online, and finds it again with the next run', async () => {
    const args = ['fleet', 'simulate', '--devices', '6', '--seed', 'test', '--state', join(folder, 'fleet'), '--json']
    const first = await untilConnected(args)
    expect(first).toMatchObject({ devices: 6, enrolled: 6, connected: expect.any(Number) })
    expect(await h.sql('select from devices where simulated')).toHaveLength(6)
    expect(await untilConnected(args)).toMatchObject({ devices: 6, enrolled: 0 })
    expect(await h.sql('select from devices where simulated')).toHaveLength(6)
  })

  it('refuses a number that is none', async () => {
    const result = await runCli(['fleet', 'simulate', '--devices', '0'], { env: env() })
    expect([result.code, result.stderr]).toEqual([2, expect.stringContaining('whole number')])
  })
})

/** Runs until the summary is printed, then stops it as a person would. */
async function untilConnected(args: readonly string[]): Promise<unknown> {
  const result = await runCli(args, {
    env: env(),
    started: (child) => child.stdout?.once('data', () => child.kill('SIGINT')),
  })
  if (result.code !== 0) throw new Error(result.stderr)
  return JSON.parse(result.stdout.split('\n')[0] ?? '')
}
