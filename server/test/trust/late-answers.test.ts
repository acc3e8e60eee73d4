import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemEnvironment } from '../../src/kernel/context.ts'
import { boot, type Harness, type TestKey } from '../harness.ts'
import { auditBody, commandsOf, stateOf } from './acts.ts'
import { ASKED_CLIENTS, type AskedClient, NO, type Result, type Said, YES } from './asked-clients.ts'

const PATIENCE_MS = 150

let aheadMs = 0
let world: Harness
let devices: string[]
beforeAll(async () => {
  const now = () => new Date(Date.now() + aheadMs)
  const environment = { ...systemEnvironment, now }
  world = await boot({ environment, env: { BREEZE_ENV: 'development' }, longestAskMs: PATIENCE_MS })
  const organization = await world.organization('Patient')
  devices = [await world.device(organization, 'P-1'), await world.device(organization, 'P-2')].sort()
})
afterAll(() => world.stop())

interface Waiting {
  key: TestKey
  client: AskedClient
  held: Result
  operation: string
  /** The person answers, after the call has. */
  say(said: Said): void
}

/** A call that asked its person, who has not answered when it does. */
async function unanswered(name: string): Promise<Waiting> {
  const key = await world.key(await world.user('partner_technician'), ['ai:execute'])
  const { promise, resolve: say } = Promise.withResolvers<Said>()
  const client = await ASKED_CLIENTS[name]?.open(`${world.server.url}/api/v1/mcp`, key.key, () => promise)
  if (!client) throw new Error(`no client ${name}`)
  const held = await client.call('run_script', { devices, content: 'true' })
  return { key, client, held, operation: String(held.structuredContent?.['operation']), say }
}

const entriesOf = (operation: string, decision: string) =>
  world.sql<{ id: string; code: string }>(
    `select id, body::jsonb ->> 'code' as code from audit_entries
     where body::jsonb #>> '{details,operation}' = $1 and kind = 'outcome' and decision = $2`,
    [operation, decision],
  )
const deniedTo = async (key: TestKey) =>
  (
    await world.sql<{ code: string }>(
      `select body::jsonb ->> 'code' as code from audit_entries where credential_id = $1 and decision = 'denied' order by seq`,
      [key.id],
    )
  ).map(({ code }) => code)

describe.each(['v1 over Streamable HTTP', 'v1 over HTTP+SSE'])('%s: a call whose person takes longer', (name) => {
  it('ends with the hold, and the answer counts when it comes', async () => {
    const { client, held, operation, say } = await unanswered(name)
    expect(held).toMatchObject({
      structuredContent: {
        state: 'confirmation_required',
        operation: expect.any(String),
        confirmation: { token: expect.any(String), expires_at: expect.any(String) },
      },
    })
    expect(held.isError).toBeFalsy()
    expect([await stateOf(world, operation), await commandsOf(world, operation)]).toEqual(['awaiting_confirmation', []])
    say(YES)
    await expect.poll(() => commandsOf(world, operation), { timeout: 8000 }).toEqual(devices)
    await expect.poll(() => entriesOf(operation, 'allowed'), { timeout: 8000 }).toHaveLength(1)
    const [entry] = await entriesOf(operation, 'allowed')
    expect(await auditBody(world, entry?.id ?? '')).toMatchObject({
      details: {
        confirmation: { asked: 'elicit', applied: 'elicit' },
        confirmed_by: expect.stringContaining('client'),
      },
    })
    const told = await client.call('get_operation', { operation })
    expect(told).toMatchObject({ structuredContent: { state: 'queued' } })
    await client.close()
  })

  it('is cancelled when they say no', async () => {
    const { client, key, operation, say } = await unanswered(name)
    say(NO)
    await expect.poll(() => stateOf(world, operation), { timeout: 8000 }).toBe('cancelled')
    expect(await commandsOf(world, operation)).toEqual([])
    await expect.poll(() => deniedTo(key), { timeout: 8000 }).toEqual(['declined'])
    await client.close()
  })

  it('does not run once the confirmation has expired', async () => {
    const { client, key, operation, say } = await unanswered(name)
    try {
      aheadMs = 5 * 60_000 + 1000
      say(YES)
      await expect.poll(() => deniedTo(key), { timeout: 8000 }).toEqual(['confirmation_expired'])
    } finally {
      aheadMs = 0
    }
    expect(await commandsOf(world, operation)).toEqual([])
    await client.close()
  })

  it('does not run with rights that were taken meanwhile', async () => {
    const { client, key, operation, say } = await unanswered(name)
    await world.sql(`update api_keys set scopes = '{ai:read}' where id = $1`, [key.id])
    say(YES)
    await expect.poll(() => deniedTo(key), { timeout: 8000 }).toEqual(['insufficient_scope'])
    expect([await stateOf(world, operation), await commandsOf(world, operation)]).toEqual(['awaiting_confirmation', []])
    await client.close()
  })

  it('does not run by a credential that was revoked meanwhile', async () => {
    const { client, key, operation, say } = await unanswered(name)
    await world.sql('update api_keys set deleted_at = now() where id = $1', [key.id])
    say(YES)
    await expect(client.call('whoami', {})).rejects.toThrow()
    expect([await stateOf(world, operation), await commandsOf(world, operation)]).toEqual(['awaiting_confirmation', []])
    world.server.authenticator.revoked(key.id)
    await client.close()
    expect(await commandsOf(world, operation)).toEqual([])
  })
})
