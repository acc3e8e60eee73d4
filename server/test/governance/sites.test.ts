/** Inside one organization, a caller of one site meets another site's things as if they were not there. */
import { randomUUID } from 'node:crypto'
import { ALL_SCOPES } from '@breeze/contract/governance'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import type { Outcome } from '../../src/kernel/kernel.ts'
import { boot, type Harness, type Organization } from '../harness.ts'

let world: Harness
let contoso: Organization
let fabrikam: Organization
let branch: string
let here: string
let there: string
/** Reaches the main office of Contoso only; Fabrikam whole. */
let local: Caller
/** The same reach in Contoso, and nothing else. */
let narrow: Caller
let partner: Caller
/** What the partner's technician did at the branch. */
let theirs: { operation: string; run: string; held: string; token: string }

const script = (devices: unknown) => ({ devices, content: 'echo secret-of-the-branch' })
const dataOf = (outcome: Outcome): Record<string, unknown> => {
  if (outcome.status === 'done') return { ...outcome.data }
  if (outcome.status === 'held') return { ...outcome.hold }
  throw new Error(`${outcome.denial.code}: ${outcome.denial.reason}`)
}

beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  contoso = await world.organization('Contoso')
  fabrikam = await world.organization('Fabrikam')
  branch = await world.site(contoso.id, 'Harbour Branch')
  here = await world.device(contoso, 'HERE-PC')
  there = await world.device({ ...contoso, siteId: branch }, 'HARBOUR-PC')
  await world.device({ ...contoso, siteId: branch }, 'HARBOUR-SRV', { role: 'server' })
  await world.device(fabrikam, 'FAB-PC')
  const role = 'technician'
  const user = await world.user(role, contoso.id, [contoso.siteId])
  await world.sql(
    `insert into role_assignments (id, partner_id, user_id, role_id, organization_id) values ($1, $2, $3, $4, $5)`,
    [randomUUID(), world.server.installation.partnerId, user, role, fabrikam.id],
  )
  // A person of the partner, who holds roles in two customers.
  await world.sql('update users set organization_id = null where id = $1', [user])
  local = await world.caller(await world.key(user, [...ALL_SCOPES]))
  narrow = await world.caller(
    await world.key(await world.user('organization_admin', contoso.id, [contoso.siteId]), [...ALL_SCOPES]),
  )
  partner = await world.caller(await world.key(await world.user('partner_technician'), [...ALL_SCOPES]))
  const ran = dataOf(await world.invoke(partner, 'run_script', script(there)))
  const held = dataOf(await world.invoke(partner, 'run_script', script([here, there])))
  const { token } = held['confirmation'] as { token: string }
  theirs = {
    operation: String(ran['operation']),
    run: String(ran['run']),
    held: String(held['operation']),
    token,
  }
})
afterAll(() => world.stop())

const withoutIds = (outcome: Outcome, reference: string): string =>
  JSON.stringify(outcome)
    .replaceAll(reference, '<reference>')
    .replaceAll(outcome.auditEntry ?? '-', '<entry>')

describe.each(['local', 'narrow'])('a caller of the main office (%s)', (which) => {
  const caller = (): Caller => (which === 'local' ? local : narrow)

  it("gets the same answer for the branch's things as for nothing", async () => {
    const references: [tool: string, input: (reference: string) => Record<string, unknown>, reference: string][] = [
      ['get_device_details', (device) => ({ device }), there],
      ['get_device_details', (device) => ({ device }), 'HARBOUR-PC'],
      ['list_devices', (site) => ({ site }), branch],
      ['list_devices', (site) => ({ site }), 'Harbour Branch'],
      ['run_script', (devices) => ({ devices, content: 'true', dry_run: true }), there],
      ['run_script', (site) => ({ filter: { site }, content: 'true' }), branch],
      ['device_actions', (devices) => ({ action: 'reboot', devices }), 'HARBOUR-SRV'],
      ['preview_action', (devices) => ({ tool: 'run_script', input: { devices, content: 'true' } }), there],
      ['get_operation', (operation) => ({ operation }), theirs.operation],
      ['get_operation', (operation) => ({ operation }), theirs.held],
      ['cancel_operation', (operation) => ({ operation }), theirs.operation],
      ['cancel_operation', (operation) => ({ operation }), theirs.held],
      ['get_script_results', (run) => ({ run }), theirs.run],
      ['get_script_results', (run) => ({ run }), theirs.operation],
    ]
    for (const [tool, input, reference] of references) {
      const nothing = reference.includes('-') && reference.length === 36 ? randomUUID() : 'NOBODY-PC'
      const seen = await world.invoke(caller(), tool, input(reference))
      const blind = await world.invoke(caller(), tool, input(nothing))
      expect([tool, withoutIds(seen, reference)]).toEqual([tool, withoutIds(blind, nothing)])
      expect([tool, seen.status]).toEqual([tool, expect.stringMatching(/refused|failed/)])
    }
  })

  it('can not use a token that confirms something at the branch', async () => {
    const input = { ...script([here, there]), confirmation: theirs.token }
    expect(await world.invoke(caller(), 'run_script', input)).toMatchObject({ denial: { code: 'not_found' } })
    const own = { ...script(here), confirmation: theirs.token }
    expect(await world.invoke(caller(), 'run_script', own)).toMatchObject({ denial: { code: 'confirmation_invalid' } })
  })

  it('sees, counts and touches the devices of its own sites only', async () => {
    const list = await world.invoke(caller(), 'list_devices', {})
    const names = which === 'local' ? ['FAB-PC', 'HERE-PC'] : ['HERE-PC']
    expect(list).toMatchObject({
      data: { total: names.length, counts: { offline: names.length }, devices: names.map((name) => ({ name })) },
    })
    expect(JSON.stringify(list)).not.toMatch(/harbour/i)
    const everything = await world.invoke(caller(), 'run_script', { filter: {}, content: 'true', dry_run: true })
    expect(everything).toMatchObject({ data: { plan: { blast_radius: { devices: names.length } } } })
    expect(JSON.stringify(await world.invoke(caller(), 'list_sites', {}))).not.toMatch(/harbour/i)
  })

  it('acts, reads and cancels within its own sites', async () => {
    const ran = dataOf(await world.invoke(caller(), 'run_script', script(here)))
    expect(dataOf(await world.invoke(caller(), 'get_operation', { operation: ran['operation'] }))).toMatchObject({
      devices: [{ name: 'HERE-PC' }],
    })
    expect(dataOf(await world.invoke(caller(), 'get_script_results', { run: ran['run'] }))).toMatchObject({ total: 1 })
    expect(dataOf(await world.invoke(caller(), 'cancel_operation', { operation: ran['operation'] }))).toMatchObject({
      cancelled: 1,
    })
  })

  it("reads nothing of the organization's audit, which names devices of every site", async () => {
    const outcome = await world.invoke(caller(), 'query_audit_log', {})
    expect(JSON.stringify(outcome)).not.toMatch(/harbour|secret-of-the-branch/i)
    if (which === 'narrow') expect(outcome).toMatchObject({ data: { total: 0 } })
  })
})

it('a caller of one site here and of the whole there acts on both at once, and cancels it', async () => {
  const held = dataOf(await world.invoke(local, 'run_script', script(['HERE-PC', 'FAB-PC'])))
  const { token } = held['confirmation'] as { token: string }
  const ran = await world.invoke(local, 'run_script', { ...script(['HERE-PC', 'FAB-PC']), confirmation: token })
  expect(ran).toMatchObject({ status: 'done', data: { total: 2 } })
  expect(dataOf(await world.invoke(local, 'get_operation', { operation: held['operation'] }))).toMatchObject({
    total: 2,
  })
  // One operation of two organizations is one thing to confirm.
  const cancel = { operation: held['operation'] }
  const previewed = dataOf(await world.invoke(local, 'preview_action', { tool: 'cancel_operation', input: cancel }))
  const { token: second } = previewed['confirmation'] as { token: string }
  expect(await world.invoke(local, 'cancel_operation', { ...cancel, confirmation: second })).toMatchObject({
    status: 'done',
    data: { cancelled: 2 },
  })
})
