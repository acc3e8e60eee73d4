/** What a caller with `ai:execute` might try so that an act runs without the confirmation that it needs. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { alertRow, alertRule } from '../alerts/rows.ts'
import { boot, type Harness, type Organization, type TestKey } from '../harness.ts'
import { modern, post, rpc } from '../mcp/wire.ts'
import { type Leg, legsOf } from '../walk/legs.ts'
import { auditBody, codeOf, commandsOf, hold, stateOf } from './acts.ts'

let world: Harness
let legs: Record<string, Leg> = {}
let key: TestKey
let caller: Caller
let place: Organization
let devices: string[]
let names: string[]
let made = 0
beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  legs = legsOf(world)
  key = await world.key(await world.user('partner_admin'), ['ai:execute', 'administration.write'])
})
afterAll(async () => {
  for (const leg of Object.values(legs)) leg.close()
  await world.stop()
})
beforeEach(async () => {
  made += 1
  place = await world.organization(`Attacked ${made}`)
  names = [`A${made}-WS-1`, `A${made}-WS-2`]
  devices = []
  for (const name of names) devices.push(await world.device(place, name))
  devices.sort()
  caller = await world.caller(key)
})

const script = (content = 'true') => ({ filter: { organization: place.id }, content })
const run = (input: object, by = caller) => world.invoke(by, 'run_script', input)
const sent = async (): Promise<number> =>
  (await world.sql('select from device_commands where device_id = any ($1::uuid[])', [devices])).length
const rule = (policy: string, tool: string | null, organization = place) =>
  world.sql(
    `insert into confirmation_policies (id, partner_id, organization_id, tool, policy) values (gen_random_uuid(), $1, $2, $3, $4)`,
    [world.server.installation.partnerId, organization.id, tool, policy],
  )

describe('a token of a preview', () => {
  it('confirms no other spelling of the input', async () => {
    const content = 'echo Größe 10'
    const { token } = await hold(world, caller, 'run_script', script(content))
    const spellings = [
      content.normalize('NFD'),
      content.toUpperCase(),
      ` ${content}`,
      `${content}\n`,
      content.replace(' ', '\u00a0'),
      `${content}\u200b`,
      content.replace('o', 'о'),
    ]
    for (const other of spellings)
      expect([other, codeOf(await run({ ...script(other), confirmation: token }))]).toEqual([
        other,
        'confirmation_invalid',
      ])
    for (const extra of [{ unknown: 1 }, { Content: 'false' }, { timeout_seconds: '60' }, { timeout_seconds: 60.5 }])
      expect(codeOf(await run({ ...script(content), ...extra, confirmation: token }))).toBe('invalid_input')
    expect(codeOf(await run({ ...script(content), timeout_seconds: 6e1, confirmation: token }))).toBe(
      'confirmation_invalid',
    )
    expect(await sent()).toBe(0)
  })

  it('confirms no second value of a name that is written twice, on any leg', async () => {
    const { token } = await hold(world, caller, 'run_script', script())
    const twice = (body: string) => body.replace('"content":"true"', '"content":"true","content":"reboot"')
    const input = { ...script(), confirmation: token }
    const call = rpc('tools/call', { name: 'run_script', arguments: input })
    const { body, headers } = modern('tools/call', { name: 'run_script', arguments: input })
    const url = `${world.server.url}/api/v1/mcp`
    const replies = [
      await post(`${world.server.url}/api/v1/tools/run_script`, twice(JSON.stringify(input)), { key: key.key }),
      await post(url, twice(JSON.stringify(call)), { key: key.key }),
      await post(url, twice(JSON.stringify(body)), { key: key.key, headers }),
      await post(url, twice(JSON.stringify([call, call])), {
        key: key.key,
        headers: { 'mcp-protocol-version': '2025-03-26' },
      }),
    ]
    for (const reply of replies) expect(await reply.text()).toContain('confirmation_invalid')
    expect(await sent()).toBe(0)
  })

  it('is used up on one leg for all of them: of fifty uses at once, one runs', async () => {
    const { token, operation } = await hold(world, caller, 'run_script', script())
    const ways = ['MCP 2025-11-25', 'MCP 2026-07-28', 'REST', 'CLI'].flatMap((name) => legs[name] ?? [])
    expect(ways).toHaveLength(4)
    const uses = Array.from({ length: 50 }, (_, n) => {
      const leg = ways[n % ways.length]
      return leg?.call(key.key, 'run_script', { ...script(), confirmation: token })
    })
    const codes = (await Promise.all(uses)).map((ended) => ended?.code)
    expect(codes.filter((code) => code === 'done')).toHaveLength(1)
    expect(codes.filter((code) => code === 'confirmation_invalid')).toHaveLength(49)
    expect(await commandsOf(world, operation)).toEqual(devices)
    expect(await sent()).toBe(2)
  })

  it('is used once by a batch that repeats it', async () => {
    const { token, operation } = await hold(world, caller, 'run_script', script())
    const call = (id: number) =>
      rpc('tools/call', { name: 'run_script', arguments: { ...script(), confirmation: token } }, id)
    const headers = { 'mcp-protocol-version': '2025-03-26' }
    const reply = await post(`${world.server.url}/api/v1/mcp`, [call(1), call(2), call(3)], { key: key.key, headers })
    const text = await reply.text()
    expect(text.match(/confirmation_invalid/g)?.length).toBeGreaterThanOrEqual(2)
    expect(await commandsOf(world, operation)).toEqual(devices)
    expect(await sent()).toBe(2)
  })

  it('is not spent by a dry run, and a dry run runs nothing', async () => {
    const { token, operation } = await hold(world, caller, 'run_script', script())
    const tries = await Promise.all([1, 2, 3].map(() => run({ ...script(), confirmation: token, dry_run: true })))
    expect(tries.map((outcome) => 'data' in outcome && outcome.data['state'])).toEqual(Array(3).fill('dry_run'))
    expect([await sent(), await stateOf(world, operation)]).toEqual([0, 'awaiting_confirmation'])
  })

  it('of preview_action is for the tool that was previewed, by every name', async () => {
    const previewed = async (tool: string, input: object) => {
      const outcome = await world.invoke(caller, 'preview_action', { tool, input })
      if (outcome.status !== 'done') throw new Error(JSON.stringify(outcome))
      return (outcome.data as { confirmation: { token: string } }).confirmation.token
    }
    const [device] = devices
    const confirmation = await previewed('execute_command', { device, command: 'id' })
    expect(codeOf(await run({ devices: device, content: 'id', confirmation }))).toBe('confirmation_invalid')
    const shutdown = { devices: device, action: 'shutdown' }
    const reboot = await previewed('device_actions', { ...shutdown, action: 'reboot' })
    const other = await world.invoke(caller, 'device_actions', { ...shutdown, confirmation: reboot })
    expect(codeOf(other)).toBe('confirmation_invalid')
    // A preview is no way to use one, either.
    const nested = await world.invoke(caller, 'preview_action', {
      tool: 'run_script',
      input: { ...script(), confirmation },
    })
    expect(codeOf(nested)).toBe('done')
    expect(await sent()).toBe(0)
  })
})

describe('between preview and run', () => {
  it('a name that means another device by now refuses', async () => {
    const input = { devices: names, content: 'true' }
    const { token } = await hold(world, caller, 'run_script', input)
    await world.sql(`update devices set name = 'Was' where organization_id = $1 and name = $2`, [place.id, names[0]])
    await world.device(place, names[0] ?? '')
    expect(codeOf(await run({ ...input, confirmation: token }))).toBe('confirmation_invalid')
    expect(await sent()).toBe(0)
  })

  it('a device that stands elsewhere by now refuses, within reach or not', async () => {
    const input = { devices, content: 'true' }
    const annex = await world.site(place.id, 'Annex')
    const other = await world.organization(`Elsewhere ${made}`)
    caller = await world.caller(key)
    const move = (to: Organization) =>
      world.sql('update devices set organization_id = $2, site_id = $3 where id = $1', [devices[0], to.id, to.siteId])
    for (const to of [{ ...place, siteId: annex }, other]) {
      const { token } = await hold(world, caller, 'run_script', input)
      await move(to)
      expect(codeOf(await run({ ...input, confirmation: token }))).toBe('confirmation_invalid')
      await move(place)
      expect(codeOf(await run({ ...input, confirmation: token }))).toBe('done')
    }
  })

  it('a second person is needed where the rules ask for one by now', async () => {
    const { token, operation } = await hold(world, caller, 'run_script', script())
    await rule('approver', 'run_script')
    const held = await run({ ...script(), confirmation: token })
    expect(held).toMatchObject({ status: 'held', hold: { state: 'approval_required', operation } })
    expect(await auditBody(world, held.auditEntry ?? '')).toMatchObject({
      code: 'approval_required',
      details: { confirmation: { asked: 'approver', applied: 'approver' } },
    })
    expect(codeOf(await run({ ...script(), confirmation: token }))).toBe('confirmation_invalid')
    expect(await sent()).toBe(0)
  })

  it('a second person is needed where its caller has read what a device wrote by now', async () => {
    await world.sql('update organizations set untrusted_minutes = 15 where id = $1', [place.id])
    const fresh = await world.key(await world.user('partner_technician'), ['ai:execute'])
    caller = await world.caller(fresh)
    const { token } = await hold(world, caller, 'run_script', script())
    await world.invoke(caller, 'get_event_logs', { device: devices[0] })
    const held = await run({ ...script(), confirmation: token })
    expect(held).toMatchObject({ status: 'held', hold: { state: 'approval_required' } })
    expect(await world.sql('select because from approvals where credential_id = $1', [fresh.id])).toEqual([
      { because: 'untrusted_text' },
    ])
    expect(await sent()).toBe(0)
  })

  it('a device that became a server is asked about, though one workstation was not', async () => {
    const [device] = devices
    const preview = await world.invoke(caller, 'preview_action', {
      tool: 'run_script',
      input: { devices: device, content: 'true' },
    })
    if (preview.status !== 'done') throw new Error('no preview')
    const { token } = (preview.data as { confirmation: { token: string } }).confirmation
    await world.sql(`update devices set role = 'server' where id = $1`, [device])
    const done = await run({ devices: device, content: 'true', confirmation: token })
    expect(await auditBody(world, done.auditEntry ?? '')).toMatchObject({
      details: { confirmation: { asked: 'elicit', applied: 'preview' } },
    })
  })
})

describe('a rule about one name of an act', () => {
  const NAMES: [string, string, object][] = [
    ['acknowledge_alerts', 'manage_alerts', { action: 'acknowledge' }],
    ['manage_alerts', 'acknowledge_alerts', {}],
    ['resolve_alerts', 'manage_alerts', { action: 'resolve' }],
    ['manage_alerts', 'resolve_alerts', {}],
  ]
  it.each(NAMES)('%s holds it by the name of %s %o', async (ruled, tool, more) => {
    const id = await alertRow(world, place, {
      rule: await alertRule(world, world.server.installation.partnerId, place.id),
    })
    const act = () => world.invoke(caller, tool, { ...more, ids: [id] })
    await rule('preview', ruled)
    expect((await act()).status).toBe('held')
    expect(await world.sql('select status from alerts where id = $1', [id])).toEqual([{ status: 'open' }])
    await world.sql('delete from confirmation_policies where organization_id = $1', [place.id])
    expect(codeOf(await act())).toBe('done')
  })
})
