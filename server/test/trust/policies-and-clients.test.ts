import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { systemEnvironment } from '../../src/kernel/context.ts'
import { boot, type Harness, type TestKey } from '../harness.ts'
import { auditBody, codeOf, commandsOf, hold, stateOf } from './acts.ts'
import { ASKED_CLIENTS, type AskedClient, NO, type Result, type Said, YES } from './asked-clients.ts'

const POLICIES = ['client', 'preview', 'elicit', 'approver'] as const
type Policy = (typeof POLICIES)[number]

let aheadMs = 0
let world: Harness
let key: TestKey
/** Two devices that are not connected, of an organization with a rule of its own: an act is queued and answers at once. */
const inputs = new Map<Policy, { devices: string[]; content: string }>()
beforeAll(async () => {
  const now = () => new Date(Date.now() + aheadMs)
  world = await boot({ environment: { ...systemEnvironment, now }, env: { BREEZE_ENV: 'development' } })
  key = await world.key(await world.user('partner_technician'), ['ai:execute'])
  for (const policy of POLICIES) {
    const organization = await world.organization(`Policy ${policy}`)
    const devices = [await world.device(organization, `${policy}-1`), await world.device(organization, `${policy}-2`)]
    inputs.set(policy, { devices: devices.sort(), content: 'true' })
    await world.sql(
      `insert into confirmation_policies (id, partner_id, organization_id, tool, policy) values ($1, $2, $3, 'run_script', $4)`,
      [systemEnvironment.newId(), world.server.installation.partnerId, organization.id, policy],
    )
  }
})
afterAll(() => world.stop())

function inputOf(policy: Policy) {
  const input = inputs.get(policy)
  if (!input) throw new Error('no such place')
  return input
}
const mcp = () => `${world.server.url}/api/v1/mcp`

const operationOf = (result: Result): string => String(result.taskId ?? result.structuredContent?.['operation'])
const tokenOf = ({ structuredContent }: Result): string => {
  const confirmation = structuredContent?.['confirmation']
  return typeof confirmation === 'object' && confirmation !== null ? String(Reflect.get(confirmation, 'token')) : ''
}

async function policyOf(operation: string): Promise<unknown> {
  const [row] = await world.sql(
    'select policy_asked as asked, policy_applied as applied from operations where id = $1',
    [operation],
  )
  return row
}

async function approve(approval: string): Promise<void> {
  const userId = await world.user('partner_technician')
  const credential = { kind: 'session', id: systemEnvironment.newId(), name: 'console' } as const
  const identity = await world.server.authenticator.userIdentity(userId, credential, null)
  if (!identity) throw new Error('this person may not sign in')
  const person: Caller = { ...identity, channel: 'console', client: null }
  expect(codeOf(await world.invoke(person, 'decide_approval', { approval, decision: 'approve' }))).toBe('done')
}

describe.each(Object.entries(ASKED_CLIENTS))('%s', (_name, { open, asks, tasks }) => {
  let said: Said
  let client: AskedClient
  beforeAll(async () => {
    client = await open(mcp(), key.key, () => said)
  })
  afterAll(() => client.close())
  const run = (policy: Policy, more: object = {}) => client.call('run_script', { ...inputOf(policy), ...more })

  /** It went on, as its client can be told of it. */
  async function expectRuns(result: Result, policy: Policy, applied: string): Promise<void> {
    const operation = operationOf(result)
    expect(result).toMatchObject(
      tasks ? { taskId: operation, status: 'working' } : { structuredContent: { operation, state: 'queued' } },
    )
    expect(await commandsOf(world, operation)).toEqual(inputOf(policy).devices)
    expect(await policyOf(operation)).toMatchObject({ applied })
  }

  async function expectPreview(held: Result): Promise<string> {
    expect(held).toMatchObject({
      structuredContent: { state: 'confirmation_required', plan: { blast_radius: { devices: 2 } } },
    })
    expect(await commandsOf(world, operationOf(held))).toEqual([])
    return tokenOf(held)
  }

  it('client: runs at once and leaves the question to the client itself', async () => {
    await expectRuns(await run('client'), 'client', 'client')
    expect(client.questions).toEqual([])
  })

  it('preview: answers with the plan, and runs with its token, once', async () => {
    const token = await expectPreview(await run('preview'))
    await expectRuns(await run('preview', { confirmation: token }), 'preview', 'preview')
    const again = await run('preview', { confirmation: token })
    expect(again).toMatchObject({ isError: true, structuredContent: { code: 'confirmation_invalid' } })
    expect(client.questions).toEqual([])
  })

  it(`elicit: ${asks ? 'asks its person and does as they say' : 'is a preview'}`, async () => {
    said = YES
    const first = await run('elicit')
    if (!asks) {
      const token = await expectPreview(first)
      await expectRuns(await run('elicit', { confirmation: token }), 'elicit', 'preview')
      return
    }
    expect(client.questions.splice(0)).toEqual([expect.stringContaining('elicit-1')])
    await expectRuns(first, 'elicit', 'elicit')
    said = NO
    expect(await run('elicit')).toMatchObject({ isError: true, structuredContent: { code: 'declined' } })
    expect(client.questions.splice(0)).toHaveLength(1)
  })

  it('approver: waits for a second person, whatever its own says', async () => {
    said = YES
    const held = await run('approver')
    const operation = operationOf(held)
    expect(held).toMatchObject(
      tasks ? { taskId: operation, status: 'working' } : { structuredContent: { state: 'approval_required' } },
    )
    expect(client.questions).toEqual([])
    expect([await stateOf(world, operation), await commandsOf(world, operation)]).toEqual(['awaiting_approval', []])
    await approve(operation)
    await expect.poll(() => commandsOf(world, operation)).toEqual(inputOf('approver').devices)
    const told = await client.call('get_operation', { operation })
    expect(told).toMatchObject({ structuredContent: { state: 'queued', approval: { state: 'approved' } } })
    if (tasks)
      expect(await client.task(operation)).toMatchObject({
        taskId: operation,
        status: 'working',
        statusMessage: expect.stringContaining('0 of 2 devices'),
      })
  })
})

describe('a confirmation that is', () => {
  const confirm = (caller: Caller, confirmation: string, more: object = {}) =>
    world.invoke(caller, 'run_script', { ...inputOf('preview'), ...more, confirmation })
  const bad: Record<string, { code: string; use: (owner: Caller, token: string) => ReturnType<typeof confirm> }> = {
    altered: { code: 'confirmation_invalid', use: (owner, token) => confirm(owner, token, { content: 'false' }) },
    replayed: {
      code: 'confirmation_invalid',
      async use(owner, token) {
        expect(codeOf(await confirm(owner, token))).toBe('done')
        return confirm(owner, token)
      },
    },
    expired: {
      code: 'confirmation_expired',
      async use(owner, token) {
        aheadMs += 5 * 60_000 + 1000
        return confirm(owner, token)
      },
    },
    "another key's of the same person": {
      code: 'confirmation_invalid',
      use: async (_, token) => confirm(await world.caller(await world.key(key.userId, ['ai:execute'])), token),
    },
    "another person's": {
      code: 'confirmation_invalid',
      use: async (_, token) =>
        confirm(await world.caller(await world.key(await world.user('partner_admin'), ['ai:execute'])), token),
    },
    'made up': { code: 'confirmation_invalid', use: (owner) => confirm(owner, `brzc_${'x'.repeat(32)}`) },
  }

  it.each(Object.entries(bad))('%s is refused, and the audit says who tried and why not', async (_, { code, use }) => {
    const owner = await world.caller(key)
    const { token, operation } = await hold(world, owner, 'run_script', inputOf('preview'))
    try {
      const outcome = await use(owner, token)
      const ran = (await stateOf(world, operation)) === 'running' ? inputOf('preview').devices : []
      expect([outcome.status, codeOf(outcome)]).toEqual(['refused', code])
      expect(await commandsOf(world, operation)).toEqual(ran)
      expect(await auditBody(world, outcome.auditEntry ?? '')).toMatchObject({
        kind: 'outcome',
        decision: 'denied',
        outcome: null,
        code,
        tool: 'run_script',
      })
    } finally {
      aheadMs = 0
    }
  })
})
