/** Maintenance windows as settings: who may see and set them, and that they count at once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { code, done } from '../settings/answers.ts'

let world: Harness
let acme: Organization
let other: Organization
let partner: Caller
let admin: Caller
beforeAll(async () => {
  world = await boot()
  acme = await world.organization('Acme')
  other = await world.organization('Other')
  partner = await as('partner_admin', null)
  admin = await as('organization_admin', acme.id)
})
afterAll(() => world.stop())

const as = async (role: string, organization: string | null, scope = 'alerts.write', sites?: string[]) =>
  world.caller(await world.key(await world.user(role, organization, sites), [scope]), 'rest')
const manage = (caller: Caller, input: object) => world.invoke(caller, 'manage_maintenance_windows', input)
const list = (caller: Caller, input: object = {}) => world.invoke(caller, 'list_maintenance_windows', input)

const night = {
  recurrence: { kind: 'weekly', days: ['sunday'], time: '02:00' },
  time_zone: 'Europe/Berlin',
  duration_minutes: 120,
}
/** Open for an hour since a moment ago. */
const now = () => {
  const at = new Date(Date.now() - 120_000).toISOString()
  return {
    recurrence: { kind: 'once', date: at.slice(0, 10), time: at.slice(11, 16) },
    time_zone: 'UTC',
    duration_minutes: 60,
  }
}

describe('maintenance windows', () => {
  it('are made, found, changed and deleted, and count at once', async () => {
    const device = await world.device(acme, 'ACME-SRV-01', { role: 'server' })
    const bystander = await world.device(acme, 'ACME-WS-01')
    const made = done(
      await manage(admin, {
        action: 'create',
        name: 'Now',
        organization: 'Acme',
        scope: { roles: ['server'] },
        ...now(),
      }),
    )
    expect(made).toMatchObject({ window: { name: 'Now', organization: { id: acme.id }, enabled: true } })
    expect(made['window'].open_until).not.toBeNull()
    const { maintenance } = world.server.services
    await maintenance.refresh()
    const covered = await maintenance.isInMaintenance([device, bystander], new Date())
    expect([...covered.keys()]).toEqual([device])
    const changed = done(await manage(admin, { action: 'update', window: 'now', enabled: false }))
    expect(changed).toMatchObject({ window: { enabled: false, open_until: null, next_opens_at: null } })
    await maintenance.refresh()
    expect((await maintenance.isInMaintenance([device], new Date())).size).toBe(0)
    expect(done(await list(admin))).toMatchObject({
      total: 1,
      windows: [{ name: 'Now', scope: { roles: ['server'] } }],
    })
    expect(code(await manage(admin, { action: 'delete', window: made['window'].id }))).toBe('done')
    expect(done(await list(admin))).toMatchObject({ total: 0 })
  })

  it("of the partner are the partner's to set, and of one organization its own", async () => {
    expect(code(await manage(admin, { action: 'create', name: 'All', ...night }))).toBe('forbidden')
    expect(code(await manage(partner, { action: 'create', name: 'All', ...night }))).toBe('done')
    expect(code(await manage(admin, { action: 'update', window: 'All', enabled: false }))).toBe('not_found')
    expect(done(await list(partner, { text: 'all' }))).toMatchObject({ total: 1, windows: [{ organization: null }] })
    expect(code(await manage(admin, { action: 'create', name: 'X', organization: other.id, ...night }))).toBe(
      'not_found',
    )
    const theirs = done(await manage(partner, { action: 'create', name: 'Theirs', organization: other.id, ...night }))
    expect(code(await manage(admin, { action: 'delete', window: theirs['window'].id }))).toBe('not_found')
    expect(done(await list(admin))['windows'].map((window: { name: string }) => window.name)).not.toContain('Theirs')
  })

  it('are for their own sites, set by people who have only some', async () => {
    const site = await world.site(acme.id, 'Branch')
    const local = await as('organization_admin', acme.id, 'alerts.write', [site])
    const branch = { action: 'create', organization: 'Acme', ...night }
    expect(code(await manage(local, { ...branch, name: 'Whole' }))).toBe('forbidden')
    expect(code(await manage(local, { ...branch, name: 'Branch', scope: { sites: ['Branch'] } }))).toBe('done')
    done(await manage(admin, { ...branch, name: 'Of all sites' }))
    expect(code(await manage(local, { action: 'update', window: 'Of all sites', enabled: false }))).toBe('forbidden')
  })

  it('need the permission, the scope and an input that makes sense', async () => {
    const viewer = await as('viewer', acme.id)
    const create = { action: 'create', name: 'Y', organization: 'Acme', ...night }
    expect(code(await manage(viewer, create))).toBe('forbidden')
    expect(code(await manage(await as('organization_admin', acme.id, 'alerts.read'), create))).toBe(
      'insufficient_scope',
    )
    expect(code(await manage(admin, { ...create, time_zone: 'Mars/Olympus' }))).toBe('invalid_input')
    expect(code(await manage(admin, { ...create, recurrence: { kind: 'monthly', time: '02:00' } }))).toBe(
      'invalid_input',
    )
    expect(code(await manage(admin, { action: 'create', name: 'Y', organization: 'Acme' }))).toBe('invalid_input')
    expect(code(await manage(admin, { ...create, scope: { organizations: ['Other'] } }))).toBe('invalid_input')
    expect(code(await manage(admin, { action: 'update', window: 'No such window', enabled: true }))).toBe('not_found')
  })
})
