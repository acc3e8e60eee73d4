import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness, type Organization, type TestKey } from '../harness.ts'
import { code, denial, done } from '../settings/answers.ts'

let world: Harness
let key: TestKey
let tech: Caller
let acme: Organization
beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  key = await world.key(await world.user('partner_technician'), ['ai:execute'])
  await world.sql(
    `insert into confirmation_policies (id, partner_id, tool, policy) values (gen_random_uuid(), $1, 'run_script', 'client')`,
    [world.server.installation.partnerId],
  )
})
afterAll(() => world.stop())
let made = 0
beforeEach(async () => {
  made += 1
  acme = await world.organization(`Acme ${made}`)
  tech = await world.caller(key)
})

const call = (tool: string, input: object, caller = tech) => world.invoke(caller, tool, input)
/** Queues a script for each of the devices, as one operation. */
async function queued(ids: readonly string[]): Promise<string> {
  let operation = ''
  for (const id of ids) {
    const run = done(await call('run_script', { devices: id, content: 'true', expires_in_minutes: 30 }))
    if (operation === '') operation = run['operation']
    else
      await world.sql('update device_commands set operation_id = $1 where operation_id = $2', [
        operation,
        run['operation'],
      ])
  }
  return operation
}
const read = async (operation: string) => done(await call('get_operation', { operation }))
const become = (device: string, state: string, more = '') =>
  world.sql(`update device_commands set state = $2 ${more} where device_id = $1`, [device, state])

describe('what waits for devices', () => {
  it('is told with what it waits for, how much of it, and until when', async () => {
    const ids: string[] = []
    for (let n = 0; n < 7; n++) ids.push(await world.device(acme, `PC-${n}`))
    const operation = await queued(ids)
    const [offline = '', , pending, approval, , running, stopping] = ids
    await world.sql(`update devices set status = 'pending' where id = $1`, [pending])
    await world.sql(`update devices set conditions = '{awaiting_approval}' where id = $1`, [approval])
    await become(ids[4] ?? '', 'accepted')
    await become(running ?? '', 'started')
    await become(stopping ?? '', 'started', ', cancel_requested_at = now()')
    const seen = await read(operation)
    expect(seen).toMatchObject({ state: 'running', counts: { queued: 4, accepted: 1, started: 2 } })
    expect(seen['waiting']).toEqual(
      expect.arrayContaining([
        { for: 'connection', commands: 2, until: expect.any(String) },
        { for: 'first_connection', commands: 1, until: expect.any(String) },
        { for: 'approval', commands: 1, until: expect.any(String) },
        { for: 'turn', commands: 1, until: null },
        { for: 'end', commands: 1, until: null },
        { for: 'stop', commands: 1, until: null },
      ]),
    )
    const one = seen['devices'].find((device: { id: string }) => device.id === offline)
    expect(Date.parse(one.expires_at) - Date.now()).toBeGreaterThan(25 * 60_000)
    const outcome = await call('get_operation', { operation })
    if (outcome.status !== 'done') throw new Error('it was refused')
    expect(outcome.text).toContain('2 wait for offline devices to connect (the first expires at ')
  })

  it('is purged for the devices of a filter, whatever queued it, and nothing of the others', async () => {
    const annex = await world.site(acme.id, 'Annex')
    const here = await world.device(acme, 'HERE')
    const there = await world.device(acme, 'THERE', { siteId: annex })
    const busy = await world.device(acme, 'BUSY', { siteId: annex })
    const [first, second] = [await queued([here, there]), await queued([there, busy])]
    await become(busy, 'started')
    const filter = { organization: acme.id, site: 'Annex' }
    expect(done(await call('preview_action', { tool: 'cancel_operation', input: { filter } }))).toMatchObject({
      plan: { summary: 'Cancel whatever is queued for 2 devices.', blast_radius: { devices: 2 } },
    })
    expect(done(await call('cancel_operation', { filter }))).toMatchObject({ cancelled: 2, asked: 0 })
    expect(await read(first)).toMatchObject({ counts: { queued: 1, cancelled: 1 } })
    expect(await read(second)).toMatchObject({ counts: { started: 1, cancelled: 1 } })
  })

  it('is cancelled for some devices of one operation, what runs there included', async () => {
    const [one, two, three] = [
      await world.device(acme, 'ONE'),
      await world.device(acme, 'TWO'),
      await world.device(acme, 'THREE'),
    ]
    const [operation, other] = [await queued([one, two, three]), await queued([two])]
    await world.sql(`update device_commands set state = 'started' where device_id = $1 and operation_id = $2`, [
      two,
      operation,
    ])
    const cancelled = await call('cancel_operation', { operation, devices: ['ONE', 'TWO'] })
    expect(done(cancelled)).toMatchObject({ operation, state: 'running', cancelled: 1, asked: 1 })
    expect(await read(operation)).toMatchObject({ counts: { queued: 1, started: 1, cancelled: 1 } })
    expect(await read(other)).toMatchObject({ counts: { queued: 1 } })
    expect(done(await call('cancel_operation', { operation }))).toMatchObject({
      cancelled: 1,
      asked: 1,
      state: 'running',
    })
  })

  it("is nobody else's to cancel", async () => {
    const globex = await world.organization(`Globex ${made}`)
    const device = await world.device(globex, 'THEIRS')
    tech = await world.caller(key)
    const operation = await queued([device])
    const user = await world.user('technician', acme.id)
    const foreign = await world.caller(await world.key(user, ['ai:execute']))
    for (const input of [
      { operation },
      { devices: device },
      { filter: { organization: globex.id } },
      { operation, devices: device },
    ])
      expect(code(await call('cancel_operation', input, foreign))).toBe('not_found')
    expect(denial(await call('cancel_operation', {}))).toMatchObject({ code: 'invalid_input' })
    expect(code(await call('cancel_operation', { devices: device, filter: {} }))).toBe('invalid_input')
    const viewer = await world.caller(await world.key(await world.user('viewer', globex.id), ['ai:execute']))
    expect(code(await call('cancel_operation', { devices: device }, viewer))).toBe('forbidden')
    const reader = await world.caller(await world.key(await world.user('technician', globex.id), ['ai:read']))
    expect(code(await call('cancel_operation', { devices: device }, reader))).toBe('insufficient_scope')
    expect(await read(operation)).toMatchObject({ counts: { queued: 1 } })
  })
})
