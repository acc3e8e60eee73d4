/** Updates with real processes: a supervisor, the agent that it runs, and builds that work or do not. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest'
import { type Breakage, type BuiltAgent, buildAgent, manifestOf } from '../../test/built-agent.ts'
import { commandId, script, StubServer } from '../../test/stub-server.ts'
import { type FaultPoint, ROLL_BACK_FAULT_POINTS, UPDATE_FAULT_POINTS } from '../faults.ts'

/** Several processes, one after the other, on a machine that may have much else to do. */
const PATIENCE_MS = 120_000
const options = { timeout: PATIENCE_MS }
let builds: string
let program: BuiltAgent
const next = new Map<Breakage, BuiltAgent>()
beforeAll(async () => {
  builds = mkdtempSync(join(tmpdir(), 'breeze-builds-'))
  program = await buildAgent(builds, '0.1.0')
  for (const breakage of ['none', 'crashes', 'isLost', 'failsSelfTest'] as const)
    next.set(breakage, await buildAgent(builds, '0.2.0', breakage))
})
afterAll(() => rmSync(builds, { recursive: true }))

function built(breakage: Breakage): BuiltAgent {
  const found = next.get(breakage)
  if (!found) throw new Error(`no build that ${breakage}`)
  return found
}

/** A device of its own for each test, so that they can run side by side. */
async function device({ onTestFinished }: Pick<TestContext, 'onTestFinished'>) {
  const server = await StubServer.start()
  const folder = mkdtempSync(join(tmpdir(), 'breeze-update-'))
  const state = join(folder, 'state')
  const log: string[] = []
  let supervisor: ChildProcess | undefined
  const start = (fault?: FaultPoint): ChildProcess => {
    const argv = ['--server', server.url, '--state', state, '--policy', join(folder, 'policy.json')]
    supervisor = spawn(process.execPath, [program.path, 'supervise', '--', ...argv], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        BREEZE_AGENT_POWER: 'dry-run',
        BREEZE_AGENT_FAULT: fault,
        BREEZE_AGENT_TOKEN: server.token,
      },
    })
    supervisor.stderr?.on('data', (chunk: Buffer) => log.push(chunk.toString()))
    return supervisor
  }
  const stop = async (): Promise<void> => {
    if (supervisor && supervisor.exitCode === null && supervisor.signalCode === null) {
      const ended = once(supervisor, 'exit')
      supervisor.kill('SIGTERM')
      await ended
    }
  }
  onTestFinished(async () => {
    await stop()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const versions = () => JSON.parse(readFileSync(join(state, 'versions.json'), 'utf8'))
  const running = () => server.frames.findLast((frame) => frame.type === 'hello')?.agentVersion
  const order = (build: BuiltAgent, more: { probationSeconds?: number; force?: boolean } = {}): string => {
    server.releases.set(build.sha256, build.bytes)
    const args = {
      manifest: manifestOf(build, server.signing),
      ticket: 'ticket',
      probationSeconds: 60,
      force: false,
      ...more,
    }
    const command = server.sign({ type: 'agent.update', args })
    const id = commandId(command)
    server.queue.set(id, command)
    server.deliver(command)
    return id
  }
  /** Whatever runs now carries out what it is told. */
  const works = async (): Promise<void> => {
    const command = server.sign(script('bash', 'echo alive'))
    server.queue.set(commandId(command), command)
    server.deliver(command)
    expect(await server.result(commandId(command), PATIENCE_MS)).toMatchObject({ output: 'alive\n' })
  }
  const online = () => server.until(() => server.count('heartbeat') > 0, PATIENCE_MS)
  return { server, state, log, start, stop, versions, running, order, works, online }
}

const states = (server: StubServer, id: string) => [...new Set(server.results.get(id)?.map(({ state }) => state))]

describe.concurrent('an update', () => {
  test('runs the new version once the server has let it in, and never an older one again', options, async (context) => {
    const { server, state, start, stop, versions, running, order, works, online } = await device(context)
    start()
    await online()
    const id = order(built('none'))
    expect(await server.result(id, PATIENCE_MS)).toMatchObject({
      state: 'succeeded',
      data: { from: '0.1.0', to: '0.2.0', running: '0.2.0' },
    })
    expect(server.frames).toContainEqual({ type: 'goodbye', reason: 'update' })
    expect(running()).toBe('0.2.0')
    await works()
    // Another build of the version that runs is no update, nor is what it came from.
    for (const build of [built('isLost'), program]) {
      const refused = await server.result(order(build), PATIENCE_MS)
      expect(refused).toMatchObject({ state: 'failed', reason: expect.stringContaining('is not newer than 0.2.0') })
    }
    await stop()
    const heartbeats = server.count('heartbeat')
    start()
    await server.until(() => server.count('heartbeat') > heartbeats, PATIENCE_MS)
    expect(running()).toBe('0.2.0')
    expect(versions()).toMatchObject({ highest: '0.2.0', current: { version: '0.2.0' }, trial: null, bad: [] })
    expect(readdirSync(join(state, 'versions'))).toEqual([`${built('none').sha256}.cjs`])
    expect(states(server, id)).toEqual(['succeeded'])
  })

  test(
    'that crashes is rolled back, told with the reason, and not tried again unless that is forced',
    options,
    async (context) => {
      const { server, start, versions, running, order, works, online } = await device(context)
      start()
      await online()
      const id = order(built('crashes'))
      expect(await server.result(id, PATIENCE_MS)).toMatchObject({
        state: 'failed',
        reason: 'rolled back: it ended 3 times before the server let it in, at last with exit code 9',
        data: { from: '0.1.0', to: '0.2.0', running: '0.1.0' },
      })
      expect(running()).toBe('0.1.0')
      await works()
      const again = await server.result(order(built('crashes')), PATIENCE_MS)
      expect(again).toMatchObject({
        state: 'failed',
        reason: expect.stringContaining('0.2.0 was rolled back here before'),
      })
      const other = await server.result(order(built('none')), PATIENCE_MS)
      expect(other).toMatchObject({
        state: 'failed',
        reason: expect.stringContaining('a new build needs a new version'),
      })
      expect(versions()).toMatchObject({ highest: '0.1.0', current: null, trial: null, bad: [{ version: '0.2.0' }] })
    },
  )

  test('that the server does not hear of in its probation is rolled back', options, async (context) => {
    const { server, start, running, order, works, online } = await device(context)
    start()
    await online()
    expect(await server.result(order(built('isLost'), { probationSeconds: 2 }), PATIENCE_MS)).toMatchObject({
      state: 'failed',
      reason: 'rolled back: the server did not let it in within 2 s',
    })
    expect(running()).toBe('0.1.0')
    await works()
  })

  test('that fails its self-test, or is not what its manifest says, never runs', options, async (context) => {
    const { server, state, start, order, works, online, versions } = await device(context)
    start()
    await online()
    const failing = built('failsSelfTest')
    expect(await server.result(order(failing), PATIENCE_MS)).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('it failed its self-test: it does not start here'),
    })
    const liar = { ...built('none'), version: '0.3.0' }
    expect(await server.result(order(liar), PATIENCE_MS)).toMatchObject({
      reason: '0.3.0 was not taken on: it says that it is 0.2.0, not 0.3.0',
    })
    expect(server.count('goodbye')).toBe(0)
    expect(versions()).toMatchObject({ trial: null, current: null })
    expect(existsSync(join(state, 'versions.json.new'))).toBe(false)
    await works()
  })
})

describe.concurrent('killed at every point of an update, an agent runs again', () => {
  /** The supervisor dies at these, so that what starts it starts it again. */
  const IN_SUPERVISOR = new Set<FaultPoint>(['trial.counted', 'trial.rolled_back'])
  const INTERRUPTING = new Set<FaultPoint>(['update.fetched', 'update.tested'])

  test.for([...UPDATE_FAULT_POINTS, ...ROLL_BACK_FAULT_POINTS])('%s', options, async (point, context) => {
    const undone = ROLL_BACK_FAULT_POINTS.some((one) => one === point)
    const { server, log, start, running, order, works, online, versions } = await device(context)
    const first = start(point)
    await online()
    const id = order(built(undone ? 'crashes' : 'none'))
    if (IN_SUPERVISOR.has(point)) {
      expect(await once(first, 'exit')).toEqual([null, 'SIGKILL'])
      start()
    }
    const expected = undone ? 'failed' : INTERRUPTING.has(point) ? 'interrupted' : 'succeeded'
    expect((await server.result(id, PATIENCE_MS)).state).toBe(expected)
    await server.until(() => !server.queue.has(id), PATIENCE_MS)
    if (!IN_SUPERVISOR.has(point)) expect(log.join('')).toContain('"end":"SIGKILL"')
    await works()
    expect(states(server, id)).toEqual([expected])
    expect(running()).toBe(expected === 'succeeded' ? '0.2.0' : '0.1.0')
    expect(versions().trial).toBeNull()
  })
})
