import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CommandOutcome } from '@breeze/contract/agent-commands'
import { systemEnvironment } from '../../src/kernel/context.ts'
import { KEPT_DAYS } from '../../src/kernel/tasks.ts'
import { boot, type Harness, type Organization, type TestKey } from '../harness.ts'
import { capabilities, connectDevice, type ReachDevice } from '../reach/devices.ts'
import { tasksOf } from './task-calls.ts'
import { events, initialize, modern, post, rpc, WITH_TASKS } from './wire.ts'

let world: Harness
let place: Organization
let key: TestKey
let device: ReachDevice
let offline: string[]
let outcome: Partial<CommandOutcome> | null
const sent: string[] = []
let aheadMs = 0
const environment = { ...systemEnvironment, now: () => new Date(Date.now() + aheadMs) }
const options = { environment, env: { BREEZE_ENV: 'development' } }
beforeAll(async () => {
  world = await boot(options)
  place = await world.organization('Contoso')
  key = await world.key(await world.user('partner_admin'), ['ai:execute', 'devices.write'])
  device = await connectDevice(world, place, 'box', {
    sections: { capabilities: capabilities() },
    answer: (_, id) => {
      sent.push(id)
      return outcome
    },
  })
  offline = [await world.device(place, 'OFF-1'), await world.device(place, 'OFF-2')]
})
afterAll(async () => {
  await device?.agent.disconnect()
  await world.stop()
})
beforeEach(() => {
  outcome = null
  sent.length = 0
})

const address = () => `${world.server.url}/api/v1/mcp`
const tasks = tasksOf(address)
const script = (devices: string | string[]) => ({ devices, content: 'uptime' })

async function policy(tool: string, rule: string): Promise<void> {
  await world.sql(
    `insert into confirmation_policies (id, partner_id, organization_id, tool, policy) values ($1, $2, $3, $4, $5)`,
    [systemEnvironment.newId(), world.server.installation.partnerId, place.id, tool, rule],
  )
}

async function decide(approval: string, decision: string, reason = 'a test') {
  const userId = await world.user('partner_admin')
  const credential = { kind: 'session', id: systemEnvironment.newId(), name: 'console' } as const
  const identity = await world.server.authenticator.userIdentity(userId, credential, '127.0.0.1')
  if (!identity) throw new Error('this person may not sign in')
  const caller = { ...identity, channel: 'console' as const, client: null }
  const decided = await world.invoke(caller, 'decide_approval', { approval, decision, reason })
  expect(decided.status).toBe('done')
}

describe('the extension', () => {
  it('is advertised on 2026-07-28 only, and its methods exist there only', async () => {
    const discover = modern('server/discover')
    const found = await post(address(), discover.body, { key: key.key, headers: discover.headers })
    expect(await found.json()).toMatchObject({
      result: { capabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } } },
    })
    const old = await (await post(address(), initialize(), { key: key.key })).text()
    expect(old).not.toContain('extensions')
    const asked = await post(address(), rpc('tasks/get', { taskId: 'x' }), { key: key.key })
    expect(await asked.text()).toContain('-32601')
  })

  it('changes nothing for a client that does not declare it', async () => {
    const plain = { capabilities: {} }
    const { result } = await tasks.call(key.key, 'run_script', script(offline[0] ?? ''), plain)
    expect(result).toMatchObject({
      resultType: 'complete',
      structuredContent: { operation: expect.any(String), state: 'queued' },
    })
    expect(await world.sql('select from tasks')).toEqual([])
    const taskId = String(result?.structuredContent?.['operation'])
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      expect(await tasks.send(key.key, method, { taskId }, plain)).toMatchObject({
        status: 400,
        error: {
          code: -32021,
          data: { requiredCapabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } } },
        },
      })
    }
    // It was no task when it was called.
    expect(await tasks.send(key.key, 'tasks/get', { taskId })).toMatchObject({ error: { code: -32602 } })
  })
})

describe('a call on devices', () => {
  it('that is done in time is answered as ever', async () => {
    outcome = {}
    const { result } = await tasks.call(key.key, 'execute_command', { device: device.id, command: 'true' })
    expect(result).toMatchObject({ resultType: 'complete', structuredContent: { state: 'succeeded' } })
    expect(result).not.toHaveProperty('taskId')
  })

  it('that is not becomes a task, whose result is the answer that the call would have given', async () => {
    const started = await tasks.start(key.key, 'execute_command', { device: device.id, command: 'sleep 3' })
    expect(started).toMatchObject({ status: 'working', ttlMs: KEPT_DAYS * 86_400_000, pollIntervalMs: 2000 })
    // The library adds an empty content to every answer of a call.
    for (const absent of ['result', 'structuredContent', 'requestState']) expect(started).not.toHaveProperty(absent)
    expect(await tasks.get(key.key, started.taskId)).toMatchObject({
      resultType: 'complete',
      status: 'working',
      createdAt: started.createdAt,
      statusMessage: expect.stringContaining('0 of 1 devices'),
    })
    const secret = 'AKIAIOSFODNN7EXAMPLE'
    const output = `aws_access_key_id = ${secret}\nup 3 days\n`
    device.agent.result(sent[0] ?? '', { output, outputBytes: output.length })
    const ended = await tasks.ended(key.key, started.taskId)
    expect(ended).toMatchObject({
      status: 'completed',
      result: {
        content: [{ type: 'text', text: expect.stringContaining('up 3 days') }],
        structuredContent: {
          operation: started.taskId,
          state: 'succeeded',
          shell: 'bash',
          untrusted: expect.any(String),
          devices: [{ id: device.id, exit_code: 0 }],
          audit_entry: expect.any(String),
        },
      },
    })
    expect(JSON.stringify(ended)).not.toContain(secret)
    expect(ended.result).not.toHaveProperty('isError')
    outcome = { output, outputBytes: output.length }
    const { result } = await tasks.call(key.key, 'execute_command', { device: device.id, command: 'sleep 3' })
    expect(Object.keys(ended.result?.structuredContent ?? {}).sort()).toEqual(
      Object.keys(result?.structuredContent ?? {}).sort(),
    )
    const told = await tasks.call(key.key, 'get_operation', { operation: started.taskId })
    expect(told.result).toMatchObject({ structuredContent: { state: 'succeeded' } })
  })

  it('that fails there is completed all the same, and tells how', async () => {
    const { taskId } = await tasks.start(key.key, 'run_script', script(device.id))
    device.agent.result(sent[0] ?? '', { state: 'failed', exitCode: 3 })
    expect(await tasks.ended(key.key, taskId)).toMatchObject({
      status: 'completed',
      result: { structuredContent: { state: 'failed', devices: [{ exit_code: 3 }], run: expect.any(String) } },
    })
  })

  it('is cancelled through the tool that cancels, which the audit tells, and as often as it is asked for', async () => {
    const { taskId } = await tasks.start(key.key, 'run_script', script(offline[0] ?? ''))
    for (let time = 0; time < 2; time += 1) {
      const { result } = await tasks.send(key.key, 'tasks/cancel', { taskId })
      expect(result).toMatchObject({ resultType: 'complete' })
      expect(result).not.toHaveProperty('taskId')
    }
    expect(await tasks.ended(key.key, taskId)).toMatchObject({ status: 'cancelled' })
    const entries = await world.sql(
      `select from audit_entries where tool = 'cancel_operation' and kind = 'outcome' and body::jsonb #>> '{details,targets,0}' = $1`,
      [taskId],
    )
    expect(entries).toHaveLength(1)
  })

  it('that can not be cancelled any more by its caller says so, and goes on', async () => {
    const own = await world.key(await world.user('partner_technician'), ['ai:execute'])
    const { taskId } = await tasks.start(own.key, 'run_script', script(offline[0] ?? ''))
    await world.sql(`update api_keys set scopes = '{ai:read}' where id = $1`, [own.id])
    expect(await tasks.send(own.key, 'tasks/cancel', { taskId })).toMatchObject({
      error: { code: 403, data: { code: 'insufficient_scope', required_scope: expect.any(String) } },
    })
    expect(await tasks.get(own.key, taskId)).toMatchObject({ status: 'working' })
    await world.sql(`update api_keys set scopes = '{}' where id = $1`, [own.id])
    expect(await tasks.send(own.key, 'tasks/get', { taskId })).toMatchObject({ error: { code: 403 } })
  })

  it('asks nothing, so that answers to it are taken and change nothing', async () => {
    const { taskId } = await tasks.start(key.key, 'run_script', script(offline[0] ?? ''))
    const inputResponses = { go_ahead: { action: 'accept', content: { go_ahead: true } } }
    expect(await tasks.send(key.key, 'tasks/update', { taskId, inputResponses })).toMatchObject({
      result: { resultType: 'complete' },
    })
    expect(await tasks.get(key.key, taskId)).toMatchObject({ status: 'working' })
  })
})

describe('a task', () => {
  it('exists for nobody but the very credential that called, and the audit tells who tried', async () => {
    const { taskId } = await tasks.start(key.key, 'run_script', script(offline[0] ?? ''))
    const sibling = await world.key(key.userId, ['ai:execute'])
    const colleague = await world.key(await world.user('partner_admin'), ['ai:execute'])
    const absent = systemEnvironment.newId()
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      const inputResponses = {}
      const refusals = [
        await tasks.send(sibling.key, method, { taskId, inputResponses }),
        await tasks.send(colleague.key, method, { taskId, inputResponses }),
        await tasks.send(key.key, method, { taskId: absent, inputResponses }),
        await tasks.send(key.key, method, { taskId: "x' or 1=1", inputResponses }),
        await tasks.send(key.key, method, { taskId: 'x'.repeat(150), inputResponses }),
      ]
      for (const { error } of refusals) expect(error).toEqual({ code: -32602, message: 'There is no such task.' })
    }
    expect(await tasks.get(key.key, taskId)).toMatchObject({ status: 'working' })
    const tried = await world.sql(
      `select from audit_entries where tool = 'get_operation' and decision = 'denied' and credential_id = any ($1::text[])
         and body::jsonb ->> 'code' = 'not_found'`,
      [[sibling.id, colleague.id]],
    )
    expect(tried).toHaveLength(6)
  })

  it('is asked for under its own name in the header, by a good credential', async () => {
    const { taskId } = await tasks.start(key.key, 'run_script', script(offline[0] ?? ''))
    const headers = { 'mcp-name': systemEnvironment.newId() }
    expect(await tasks.send(key.key, 'tasks/get', { taskId }, { headers })).toMatchObject({
      status: 400,
      error: { code: -32020 },
    })
    expect(await tasks.send('brz_nobody', 'tasks/get', { taskId })).toMatchObject({ status: 401 })
  })
})

describe('a listening stream', () => {
  const listen = async (taskIds: string[], declared: object, more: object = {}) => {
    const { body, headers } = modern('subscriptions/listen', { notifications: { taskIds, ...more } }, 'L', declared)
    return post(address(), body, { key: key.key, headers })
  }
  const next = async (stream: AsyncGenerator<{ data: string }>): Promise<object> =>
    JSON.parse((await stream.next()).value?.data ?? '{}') as object

  it.each([{}, { toolsListChanged: true }])('besides %o tells of own tasks, as they are looked up', async (more) => {
    const own = await tasks.start(key.key, 'run_script', script(device.id))
    const other = await world.key(key.userId, ['ai:execute'])
    const foreign = await tasks.start(other.key, 'run_script', script(offline[0] ?? ''))
    const stream = events(await listen([own.taskId, foreign.taskId, 'nothing'], WITH_TASKS, more))
    expect(await next(stream)).toMatchObject({
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { ...more, taskIds: [own.taskId] } },
    })
    const params = { taskId: own.taskId, _meta: { 'io.modelcontextprotocol/subscriptionId': 'L' } }
    expect(await next(stream)).toMatchObject({
      method: 'notifications/tasks',
      params: { ...params, status: 'working' },
    })
    device.agent.result(sent[0] ?? '')
    const told = await next(stream)
    expect(told).toMatchObject({ method: 'notifications/tasks', params: { ...params, status: 'completed' } })
    const looked = await tasks.get(key.key, own.taskId)
    expect(told).toMatchObject({ params: { result: looked.result } })
    await stream.return(undefined)
  })

  it('is cut when its credential ends, and is for clients that declare the extension', async () => {
    const plain = await listen(['x'], {})
    expect([plain.status, await plain.json()]).toMatchObject([400, { error: { code: -32021 }, id: 'L' }])
    const doomed = await world.key(await world.user('partner_technician'), ['ai:execute'])
    const { taskId } = await tasks.start(doomed.key, 'run_script', script(offline[0] ?? ''))
    const { body, headers } = modern('subscriptions/listen', { notifications: { taskIds: [taskId] } }, 1, WITH_TASKS)
    const stream = events(await post(address(), body, { key: doomed.key, headers }))
    await next(stream)
    await next(stream)
    world.server.authenticator.revoked(doomed.id)
    expect((await stream.next()).done).toBe(true)
  })
})

describe('a call that a second person must approve', () => {
  beforeAll(async () => {
    await policy('run_script', 'approver')
    await policy('tag_devices', 'approver')
  })

  it('is a task until somebody decides, and then has the answer of the call itself', async () => {
    const started = await tasks.start(key.key, 'run_script', script(device.id))
    expect(started).toMatchObject({ status: 'working', pollIntervalMs: 10_000 })
    expect(started.statusMessage).toContain('a second person must approve')
    expect(await tasks.get(key.key, started.taskId)).toMatchObject({
      createdAt: started.createdAt,
      statusMessage: expect.stringContaining('waits for a second person until'),
    })
    await decide(started.taskId, 'approve')
    await expect.poll(() => sent.length).toBe(1)
    expect(await tasks.get(key.key, started.taskId)).toMatchObject({ status: 'working' })
    device.agent.result(sent[0] ?? '')
    expect(await tasks.ended(key.key, started.taskId)).toMatchObject({
      status: 'completed',
      result: { structuredContent: { state: 'succeeded', devices: [{ output: expect.stringContaining('hello') }] } },
    })
  })

  it('and denies it: the caller reads why', async () => {
    const { taskId } = await tasks.start(key.key, 'run_script', script(device.id))
    await decide(taskId, 'deny', 'Not before Friday.')
    expect(await tasks.ended(key.key, taskId)).toMatchObject({
      status: 'completed',
      result: {
        isError: true,
        structuredContent: { code: 'declined', reason: expect.stringContaining('Not before Friday.') },
      },
    })
    expect(sent).toEqual([])
  })

  it('and that is refused when it is let in: so says its result', async () => {
    const own = await world.key(await world.user('partner_technician'), ['ai:execute'])
    const { taskId } = await tasks.start(own.key, 'run_script', script(device.id))
    await world.sql(`update api_keys set scopes = '{ai:read}' where id = $1`, [own.id])
    await decide(taskId, 'approve')
    expect(await tasks.ended(own.key, taskId)).toMatchObject({
      status: 'completed',
      result: { isError: true, structuredContent: { code: 'insufficient_scope', audit_entry: expect.any(String) } },
    })
  })

  it('expires when nobody does', async () => {
    const { taskId } = await tasks.start(key.key, 'run_script', script(device.id))
    try {
      aheadMs = 25 * 3_600_000
      await world.server.services.approvals.sweep()
      expect(await tasks.ended(key.key, taskId)).toMatchObject({
        status: 'completed',
        result: { isError: true, structuredContent: { code: 'confirmation_expired' } },
      })
    } finally {
      aheadMs = 0
    }
  })
})

describe('after a restart', () => {
  it('a task answers as before, whatever its call was', async () => {
    const outlives = await tasks.start(key.key, 'manage_services', {
      device: device.id,
      service: 'cron',
      action: 'restart',
      unlisted: true,
    })
    const tagging = { devices: [device.id], add: ['tasked'] }
    const { taskId: tagged } = await tasks.start(key.key, 'tag_devices', tagging)
    await decide(tagged, 'approve')
    device.agent.result(sent[0] ?? '', { output: '', outputBytes: 0 })
    const before = [await tasks.ended(key.key, outlives.taskId), await tasks.ended(key.key, tagged)]
    expect(before[0]).toMatchObject({ status: 'completed', result: { structuredContent: { state: 'succeeded' } } })
    expect(before[1]).toMatchObject({ status: 'completed', result: { content: [{ text: expect.any(String) }] } })
    expect(before[1]?.result).not.toHaveProperty('isError')
    await device.agent.disconnect()
    const { dataDir, database } = world
    await world.stop({ keep: true })
    world = await boot({ ...options, previous: { dataDir, database } })
    for (const task of before) {
      const after = await tasks.get(key.key, task.taskId)
      expect(after).toEqual({ ...task, ttlMs: expect.any(Number) })
    }
  })

  it('and is forgotten only when its answer is old', async () => {
    const { taskId } = await tasks.start(key.key, 'execute_command', { device: offline[0] ?? '', command: 'true' })
    await tasks.send(key.key, 'tasks/cancel', { taskId })
    const { ttlMs, createdAt } = await tasks.ended(key.key, taskId)
    expect(ttlMs).toBeGreaterThanOrEqual(KEPT_DAYS * 86_400_000)
    try {
      aheadMs = new Date(createdAt).getTime() + Number(ttlMs) - Date.now() - 5000
      await world.server.tasks.forget()
      expect(await tasks.get(key.key, taskId)).toMatchObject({ status: 'cancelled' })
      aheadMs += 10_000
      await world.server.tasks.forget()
      expect(await tasks.send(key.key, 'tasks/get', { taskId })).toMatchObject({ error: { code: -32602 } })
    } finally {
      aheadMs = 0
    }
  })
})
