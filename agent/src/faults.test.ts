import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { commandId, script, StubServer } from '../test/stub-server.ts'
import { FAULT_POINTS, type FaultPoint, ROTATION_FAULT_POINTS, SEPARATION_FAULT_POINTS } from './faults.ts'

const BIN = join(import.meta.dirname, 'bin.ts')
let server: StubServer
let folder: string
let agents: ChildProcess[]
let log: string
beforeEach(async () => {
  server = await StubServer.start()
  folder = mkdtempSync(join(tmpdir(), 'breeze-fault-test-'))
  agents = []
  log = ''
})
afterEach(async () => {
  for (const agent of agents) if (agent.exitCode === null && agent.signalCode === null) agent.kill('SIGKILL')
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

function environment(fault?: FaultPoint) {
  return { ...process.env, BREEZE_AGENT_POWER: 'dry-run', BREEZE_AGENT_FAULT: fault, BREEZE_AGENT_TOKEN: server.token }
}

function startAgent(fault?: FaultPoint): ChildProcess {
  const agent = spawn(process.execPath, [BIN, '--server', server.url, '--state', join(folder, 'state')], {
    stdio: ['ignore', 'inherit', 'pipe'],
    env: environment(fault),
  })
  agent.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()))
  agents.push(agent)
  return agent
}

describe('killed at every point, started again', () => {
  test.each(FAULT_POINTS)('%s: no result is lost and nothing runs twice', async (point) => {
    const proof = join(folder, 'proof')
    const first = startAgent(point)
    const exited = once(first, 'exit')
    // The server delivers a command until its result is recorded, as the real one does.
    const enrolled = server.until(() => server.welcomes > 0)
    await Promise.race([enrolled, exited])
    let id: string | undefined
    const queue = () => {
      const command = server.sign(script('bash', `echo ran >> ${proof}; sleep 0.1`))
      id = commandId(command)
      server.queue.set(id, command)
      server.deliver(command)
    }
    if (server.welcomes > 0) queue()
    const [code, signal] = await exited
    expect([code, signal]).toEqual([null, 'SIGKILL'])

    const again = startAgent()
    await server.until(() => server.devices.size > 0)
    await server.until(() => server.count('heartbeat') > (id === undefined ? 0 : 1))
    if (id === undefined) queue()
    const outcome = await server.result(id ?? '')
    await server.until(() => server.queue.size === 0)

    expect(server.devices.size).toBe(1)
    const lines = readIfPresent(proof)
    if (outcome.state === 'succeeded') expect(lines).toBe('ran\n')
    else {
      // Started and not finished: nobody can know how far it came, so at most once.
      expect(outcome.state).toBe('interrupted')
      expect(['', 'ran\n']).toContain(lines)
    }
    // One command has one outcome, however often it is told.
    const told = new Set((server.results.get(id ?? '') ?? []).map(({ state }) => state))
    expect([...told]).toEqual([outcome.state])
    expect(outcome.state).toBe(INTERRUPTING.has(point) ? 'interrupted' : 'succeeded')
    again.kill('SIGTERM')
    await once(again, 'exit')
    expect(log).not.toContain(server.token)
  })
})

const INTERRUPTING = new Set<FaultPoint>(['journal.started', 'script.spawned', 'script.exited'])

describe('killed while the identity changes, started again', () => {
  const path = () => join(folder, 'state', 'identity.json')
  const stored = () => JSON.parse(readFileSync(path(), 'utf8'))

  async function enrolled(): Promise<string> {
    const agent = startAgent()
    await server.until(() => server.count('heartbeat') > 0)
    agent.kill('SIGTERM')
    await once(agent, 'exit')
    return server.deviceId
  }

  /** Works as that device: its proof is let in, its command runs. */
  async function works(deviceId: string): Promise<void> {
    const outcome = await server.run(script('bash', 'echo alive'), { deviceId })
    expect(outcome).toMatchObject({ state: 'succeeded', output: 'alive\n' })
  }

  test.each(ROTATION_FAULT_POINTS)('%s: the device is let in, and ends with one new key', async (point) => {
    const deviceId = await enrolled()
    const [before] = server.keysOf(deviceId)
    writeFileSync(path(), JSON.stringify({ ...stored(), keyCreatedAt: '2020-01-01T00:00:00.000Z' }))
    expect(await once(startAgent(point), 'exit')).toEqual([null, 'SIGKILL'])
    const welcomes = server.welcomes
    const again = startAgent()
    await server.until(() => server.welcomes > welcomes)
    await works(deviceId)
    again.kill('SIGTERM')
    await once(again, 'exit')
    startAgent()
    await server.until(() => server.welcomes > welcomes + 1)
    await works(deviceId)
    expect(server.keysOf(deviceId)).toHaveLength(1)
    expect(server.keysOf(deviceId)).not.toContain(before)
    expect(log).not.toContain('device_refused')
  })

  test.each(SEPARATION_FAULT_POINTS)('%s: the copy ends as one device of its own', async (point) => {
    const original = await enrolled()
    server.copied.add(original)
    expect(await once(startAgent(point), 'exit')).toEqual([null, 'SIGKILL'])
    const welcomes = server.welcomes
    startAgent()
    await server.until(() => server.welcomes > welcomes)
    expect(server.devices.size).toBe(2)
    const { deviceId } = stored()
    expect(deviceId).not.toBe(original)
    await works(deviceId)
  })
})

test('SIGTERM: goodbye, then exit code 0', async () => {
  const agent = startAgent()
  await server.until(() => server.count('heartbeat') > 0)
  agent.kill('SIGTERM')
  expect(await once(agent, 'exit')).toEqual([0, null])
  expect(server.frames.at(-1)).toEqual({ type: 'goodbye', reason: 'stop' })
})

test('SIGUSR2: says that the machine goes to sleep, and stays', async () => {
  const agent = startAgent()
  await server.until(() => server.count('heartbeat') > 0)
  agent.kill('SIGUSR2')
  await server.until(() => server.count('goodbye') === 1)
  expect(server.frames.at(-1)).toEqual({ type: 'goodbye', reason: 'sleep' })
  expect(agent.exitCode).toBeNull()
  agent.kill('SIGTERM')
  expect(await once(agent, 'exit')).toEqual([0, null])
})

test('what a killed agent left running is ended by the next one', async () => {
  const proof = join(folder, 'proof')
  startAgent('script.spawned')
  await server.until(() => server.count('heartbeat') > 0)
  const command = server.sign(script('bash', `sleep 2; echo late > ${proof}`))
  server.deliver(command)
  await once(agents[0] ?? process, 'exit')
  startAgent()
  expect(await server.result(commandId(command))).toMatchObject({ state: 'interrupted' })
  await new Promise((resolve) => setTimeout(resolve, 2200))
  expect(readIfPresent(proof)).toBe('')
})

test('ends with the process that started it', async () => {
  const parent = fork(
    join(import.meta.dirname, '../test/agent-parent.ts'),
    [BIN, '--server', server.url, '--state', join(folder, 'state')],
    { env: environment(), stdio: 'ignore' },
  )
  agents.push(parent)
  await server.until(() => server.count('heartbeat') > 0)
  parent.kill('SIGKILL')
  await server.until(() => server.count('goodbye') === 1)
})

test('--help explains itself and an unsafe address is one clear line', async () => {
  const help = await output(['--help'])
  expect(help).toMatchObject({ code: 0, stderr: '' })
  expect(help.stdout).toContain('--token')
  const refused = await output(['--server', 'http://rmm.example.com'])
  expect(refused.code).toBe(2)
  expect(refused.stderr).toBe(
    'Plain http is refused for rmm.example.com: use https (http works on the loopback only)\n',
  )
})

async function output(argv: string[]) {
  const child = spawn(process.execPath, [BIN, ...argv], { env: { PATH: process.env['PATH'] } })
  agents.push(child)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const [code] = await once(child, 'close')
  return { code, stdout, stderr }
}

function readIfPresent(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // A script that never ran has no proof.
    return ''
  }
}
