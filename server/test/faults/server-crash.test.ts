import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type RunningAgent, runAgent } from '../../../agent/src/main.ts'
import { FAULT_POINTS, type FaultPoint } from '../../src/kernel/faults.ts'
import { freePort, makeFolder, OPEN_INTENTS, removeFolder, rowsOf, ServerProcess } from './server-process.ts'

let folder: string
let port: number
let server: ServerProcess
/** The agent, at this moment. */
let connected = false
let agent: RunningAgent
let agents = 0
let interrupted = 0

const dataDir = () => join(folder, 'data')
const proof = (point: string) => join(folder, `proof-${point}`)
const linesOf = (point: string) =>
  existsSync(proof(point)) ? readFileSync(proof(point), 'utf8').trim().split('\n') : []

const start = (fault?: FaultPoint) => new ServerProcess({ dataDir: dataDir(), port, ...(fault && { fault }) }).ready()

const startAgent = async (name: string, token?: string): Promise<RunningAgent> =>
  runAgent({
    servers: [`http://127.0.0.1:${port}`],
    network: {},
    token,
    stateDirectory: join(folder, name),
    power: 'dry-run',
    policyPath: join(folder, name, 'policy.json'),
    protectedPaths: [],
    fault: undefined,
    scriptEnvironment: { path: process.env['PATH'] ?? '', home: '/root' },
    timing: { reconnectBaseMs: 50 },
    log: (event) => {
      if (event === 'online') connected = true
      if (event === 'disconnected') connected = false
    },
  })

async function enroll(): Promise<RunningAgent> {
  const { body } = await server.call('create_enrollment_token', { organization: 'Contoso', uses: 1 })
  agents += 1
  return startAgent(`agent-${agents}`, String(body['token']))
}

const becomes = (deviceId: string, status: string) =>
  vi.waitFor(async () => {
    const rows = await rowsOf(dataDir(), 'select status from devices where id = $1', [deviceId])
    expect(rows).toEqual([{ status }])
  }, 10_000)

/** Told what would happen, with the token that confirms it. */
async function previewed(deviceId: string, point: string) {
  const input = { devices: deviceId, content: `echo ran >> ${proof(point)}` }
  const { body } = await server.call('preview_action', { tool: 'run_script', input })
  const { operation, confirmation } = body as { operation: string; confirmation: { token: string } }
  return { operation, confirm: () => server.call('run_script', { ...input, confirmation: confirmation.token }) }
}

const stateOf = async (operation: string) => (await server.call('get_operation', { operation })).body['state']

beforeAll(async () => {
  folder = makeFolder()
  port = await freePort()
  server = await start()
  const organization = await server.call('create_organization', { name: 'Contoso' })
  expect(organization.status).toBe(200)
  expect((await server.call('create_site', { organization: 'Contoso', name: 'Main' })).status).toBe(200)
  const policy = await server.call('set_confirmation_policy', { policy: 'preview', tool: 'run_script' })
  expect(policy.status).toBe(200)
  agent = await enroll()
  await becomes(agent.deviceId, 'online')
})
afterAll(async () => {
  await agent?.stop('stop')
  await server?.kill('SIGKILL')
  await removeFolder(dataDir())
  rmSync(folder, { recursive: true, force: true })
})

/** Reached while the call itself is under way: its caller never gets an answer. */
const IN_THE_CALL = new Set<FaultPoint>(['intent.recorded', 'act.committed', 'audit.flushed', 'command.queued'])
/** Killed here, the act is not in the database yet: it never happened. */
const BEFORE_THE_ACT = new Set<FaultPoint>(['intent.recorded', 'audit.flushed'])

/** Of commands that are stopped or that stream (`streams-and-cancels.test.ts`), of the key folder (`keys.test.ts`), of OAuth (`redemption.test.ts`), of approvals (`approvals.test.ts`), of acts that go on after their call (`rollouts.test.ts`). */
const ELSEWHERE = new Set<FaultPoint>([
  ...(['cancel.requested', 'cancel.sent', 'output.committed'] as const),
  ...(['keys.chained', 'keys.promoted', 'keys.prepared'] as const),
  ...(['token.answered', 'token.redeemed'] as const),
  ...(['carried.intended', 'carried.committed'] as const),
  ...(['approval.requested', 'approval.decided', 'approval.released', 'approval.recorded'] as const),
])
const POINTS = FAULT_POINTS.filter((point) => !ELSEWHERE.has(point))

describe('killed at every point, started again', () => {
  test.each(POINTS)('%s: nothing acknowledged is lost and nothing runs twice', async (point) => {
    const device = agent.deviceId
    // Only then can it say goodbye. What the database says may be from before the last kill.
    await vi.waitUntil(() => connected, 10_000)
    await agent.stop('stop')
    await becomes(device, 'offline')
    const enrolling = point === 'enrollment.committed'
    const act = enrolling ? null : await previewed(device, point)
    expect(await server.kill('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' })

    server = await start(point)
    // To a device that is away, the answer comes at once: this act is acknowledged.
    const reply = act && (await act.confirm().catch(() => null))
    expect(reply?.status).toBe(enrolling || IN_THE_CALL.has(point) ? undefined : 200)
    const back = enrolling ? enroll() : startAgent(`agent-${agents}`)
    expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' })
    server = await start()
    agent = await back
    await becomes(agent.deviceId, 'online')
    if (enrolling) expect(await rowsOf(dataDir(), 'select id from devices')).toHaveLength(agents)
    const { operation, confirm } = act ?? (await previewed(agent.deviceId, point))
    if (enrolling || BEFORE_THE_ACT.has(point)) {
      // Nothing of it happened, and the confirmation is good for it still.
      expect([await stateOf(operation), linesOf(point)]).toEqual(['awaiting_confirmation', []])
      expect((await confirm()).body).toMatchObject({ operation, state: 'succeeded' })
    } else await vi.waitFor(async () => expect(await stateOf(operation)).toBe('succeeded'), 10_000)
    expect((await confirm()).body).toMatchObject({ code: 'confirmation_invalid' })
    expect(linesOf(point)).toEqual(['ran'])
    expect((await server.call('manage_audit', { action: 'verify' })).body).toMatchObject({ ok: true })
    expect(await rowsOf(dataDir(), OPEN_INTENTS)).toEqual([])
    interrupted += IN_THE_CALL.has(point) ? 1 : 0
    expect(await rowsOf(dataDir(), INTERRUPTED)).toHaveLength(interrupted)
  })

  test('and in the end every operation has ended, and nothing ran late', async () => {
    const unfinished = 'select id, tool, state from operations where finished_at is null'
    await vi.waitFor(async () => expect(await rowsOf(dataDir(), unfinished)).toEqual([]), 15_000)
    for (const point of POINTS) expect([point, linesOf(point)]).toEqual([point, ['ran']])
  })
})

const INTERRUPTED = `select id from audit_entries where outcome = 'interrupted'`
