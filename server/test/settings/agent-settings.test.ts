/** manage_agent_settings: who may see and set what, and what it tells of devices that lag behind. */
import { DEFAULT_CONFIGURATION } from '@breeze/contract/agent-configuration'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { codeOf } from '../trust/acts.ts'

let world: Harness
let acme: Organization
let other: Organization
let partner: Caller
let admin: Caller
beforeAll(async () => {
  world = await boot({ env: { BREEZE_AGENT_INVENTORY_SECONDS: '600' } })
  acme = await world.organization('Acme')
  other = await world.organization('Other')
  partner = await as('partner_admin', null)
  admin = await as('organization_admin', acme.id)
})
afterAll(() => world.stop())

const as = async (role: string, organization: string | null, scope = 'administration.write') =>
  world.caller(await world.key(await world.user(role, organization), [scope]), 'rest')
const call = (caller: Caller, input: object) => world.invoke(caller, 'manage_agent_settings', input)
const defaults = {
  heartbeat_seconds: DEFAULT_CONFIGURATION.heartbeatSeconds,
  inventory_seconds: 600,
  updates_seconds: DEFAULT_CONFIGURATION.updatesSeconds,
  max_concurrent_scripts: DEFAULT_CONFIGURATION.maxConcurrentScripts,
  stream_output: true,
}

describe('manage_agent_settings', () => {
  it("lays an organization's values over the partner's over the server's", async () => {
    expect(await call(partner, { action: 'set', updates_seconds: 7200 })).toMatchObject({ status: 'done' })
    const set = await call(admin, { action: 'set', organization: 'Acme', heartbeat_seconds: 30, stream_output: false })
    expect(set).toMatchObject({ status: 'done', data: { own: { heartbeat_seconds: 30, stream_output: false } } })
    await world.server.services.agentSettings.refresh()
    const effective = { ...defaults, updates_seconds: 7200, heartbeat_seconds: 30, stream_output: false }
    expect(await call(admin, { action: 'get', organization: acme.id })).toMatchObject({ data: { effective } })
    const back = await call(admin, {
      action: 'set',
      organization: 'Acme',
      heartbeat_seconds: null,
      stream_output: null,
    })
    expect(back).toMatchObject({ data: { own: {}, effective: { ...defaults, updates_seconds: 7200 } } })
    await call(partner, { action: 'set', updates_seconds: null })
    await world.server.services.agentSettings.refresh()
    expect(await call(partner, { action: 'get' })).toMatchObject({ data: { organization: null, effective: defaults } })
  })

  it('names the devices that have not taken the present values, of the organization only', async () => {
    const [taken, lagging, foreign] = [
      await world.device(acme, 'TAKEN'),
      await world.device(acme, 'LAGGING'),
      await world.device(other, 'FOREIGN'),
    ]
    const { partnerId } = world.server.installation
    const { etag } = world.server.services.agentSettings.effective({ partnerId, organizationId: acme.id })
    await world.sql(
      `insert into device_presence (device_id, organization_id, site_id, last_seen_at, configuration_etag)
       values ($1, $4, $5, now(), $3), ($2, $4, $5, now(), 'former')`,
      [taken, lagging, etag, acme.id, acme.siteId],
    )
    const of = { waiting: 1, devices: 2, waiting_examples: [{ id: lagging, name: 'LAGGING' }] }
    expect(await call(admin, { action: 'get', organization: 'Acme' })).toMatchObject({ data: of })
    const all = await call(partner, { action: 'get' })
    expect(all).toMatchObject({ data: { waiting: 2, devices: 3 } })
    expect(JSON.stringify(all)).toContain(foreign)
  })

  it('refuses what agents would not understand', async () => {
    for (const values of [
      { heartbeat_seconds: 0 },
      { inventory_seconds: 5 },
      { max_concurrent_scripts: 1.5 },
      {},
      { nonsense: 1 },
    ])
      expect(codeOf(await call(admin, { action: 'set', organization: 'Acme', ...values }))).toBe('invalid_input')
  })

  it("is closed to other organizations, to roles without the permission and to keys without the area's scope", async () => {
    const set = { action: 'set', organization: other.id, heartbeat_seconds: 30 }
    expect(codeOf(await call(admin, set))).toBe('not_found')
    expect(codeOf(await call(admin, { action: 'get', organization: other.id }))).toBe('not_found')
    expect(codeOf(await call(admin, { action: 'set', heartbeat_seconds: 30 }))).toBe('forbidden')
    expect(codeOf(await call(admin, { action: 'get' }))).toBe('forbidden')
    expect(codeOf(await call(await as('technician', other.id), set))).toBe('forbidden')
    expect(codeOf(await call(await as('partner_technician', null), set))).toBe('forbidden')
    expect(codeOf(await call(await as('partner_admin', null, 'administration.read'), set))).toBe('insufficient_scope')
    expect(codeOf(await call(await as('partner_admin', null, 'ai:execute'), set))).toBe('insufficient_scope')
  })

  it('takes two first changes at once', async () => {
    const outcomes = await Promise.all([
      call(partner, { action: 'set', organization: other.id, heartbeat_seconds: 30 }),
      call(partner, { action: 'set', organization: other.id, updates_seconds: 600 }),
    ])
    expect(outcomes.map(codeOf)).toEqual(['done', 'done'])
    await world.server.services.agentSettings.refresh()
    const now = await call(partner, { action: 'get', organization: other.id })
    expect(now).toMatchObject({ data: { own: { heartbeat_seconds: 30, updates_seconds: 600 } } })
  })
})
