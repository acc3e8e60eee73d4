/** What the risk engine says must be what the door does. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { type Answer, code, done, inPerson } from './answers.ts'

let h: Harness
let adminId: string
let admin: Caller
let acme: Organization
let globex: Organization

beforeAll(async () => {
  h = await boot({ env: { BREEZE_ENV: 'production', MCP_EXECUTE_TOOL_ALLOWLIST: 'run_script,deploy_patches' } })
  acme = await h.organization('Acme')
  globex = await h.organization('Globex')
  adminId = await h.user('partner_admin')
  admin = await inPerson(h, adminId)
})
afterAll(() => h.stop())

const ask = async (input: object = {}, caller = admin) => done(await h.invoke(caller, 'get_risk_engine', input))
const actionOf = (answer: Answer, tool: string, name: string | null = null): Answer => {
  const found = answer['tools'].find((one: Answer) => one['name'] === tool)
  return found?.actions.find((one: Answer) => one['name'] === name) ?? {}
}

describe('get_risk_engine', () => {
  it('tells which tools an assistant could run now, and the gate that refuses the others', async () => {
    const now = await ask()
    expect(actionOf(now, 'list_devices')).toMatchObject({ tier: 1, allowed: true, confirmation: null })
    expect(actionOf(now, 'run_script')).toMatchObject({
      tier: 3,
      allowed: true,
      confirmation: { policy: 'by_reach', from: 'default' },
    })
    expect(actionOf(now, 'execute_command')).toMatchObject({
      allowed: false,
      refusal: { code: 'not_allow_listed', remedy: expect.stringContaining('MCP_EXECUTE_TOOL_ALLOWLIST') },
    })
    expect(actionOf(now, 'manage_audit', 'disable')).toMatchObject({ tier: 4, allowed: false })
    expect(now['server']).toMatchObject({
      environment: 'production',
      execute_allow_list: ['deploy_patches', 'run_script'],
      require_execute_admin: false,
    })
    // People at the console are exempt from the allow-list.
    expect(actionOf(await ask({ seen_by: 'self' }), 'execute_command')).toMatchObject({ allowed: true })
  })

  it('tells it of one key as the door judges that key, in one organization', async () => {
    const key = await h.key(await h.user('viewer', acme.id), ['ai:read'], { organizations: [acme.id] })
    const now = await ask({ organization: 'Acme', credential: key.id })
    expect(now['seen_by']).toMatchObject({ kind: 'credential', name: expect.stringContaining('key') })
    expect(actionOf(now, 'acknowledge_alerts')['refusal']).toMatchObject({ code: 'insufficient_scope' })
    expect(actionOf(now, 'query_audit_log')['refusal']).toMatchObject({ code: 'forbidden' })
    const caller = await h.caller(key)
    expect(code(await h.invoke(caller, 'query_audit_log', {}))).toBe('forbidden')
    // The key reaches nothing there.
    const there = await ask({ organization: 'Globex', credential: key.id })
    expect(actionOf(there, 'list_devices')['refusal']).toMatchObject({ code: 'forbidden' })
  })

  it('tells the rule that decides, whose it is, and what an organization set for approvals', async () => {
    done(
      await h.invoke(admin, 'set_confirmation_policy', {
        organization: 'Acme',
        tool: 'run_script',
        policy: 'approver',
      }),
    )
    done(await h.invoke(admin, 'update_organization', { organization: 'Acme', untrusted_minutes: 30 }))
    done(await h.invoke(admin, 'set_confirmation_policy', { tier: 2, policy: 'preview' }))
    const now = await ask({ organization: 'Acme' })
    expect(actionOf(now, 'run_script')['confirmation']).toEqual({ policy: 'approver', from: 'organization' })
    expect(actionOf(now, 'acknowledge_alerts')['confirmation']).toEqual({ policy: 'preview', from: 'partner' })
    expect(actionOf(now, 'emergency_stop', 'stop')['confirmation']).toEqual({ policy: 'client', from: 'fixed' })
    expect(now['organization']).toMatchObject({ approval_limit: 25, approval_hours: 24, untrusted_minutes: 30 })
    expect(actionOf(await ask({ organization: 'Globex' }), 'run_script')['confirmation']).toEqual({
      policy: 'by_reach',
      from: 'default',
    })
  })

  it("shows an organization's administrator their own, and the partner's rules without the other organization's", async () => {
    const theirs = await inPerson(h, await h.user('organization_admin', globex.id))
    const now = await ask({ organization: 'Globex' }, theirs)
    expect(now['policies']).toEqual([{ from: 'partner', area: null, tier: 2, tool: null, policy: 'preview' }])
    expect(code(await h.invoke(theirs, 'get_risk_engine', { organization: 'Acme' }))).toBe('not_found')
    const foreign = await h.key(await h.user('technician', acme.id), ['ai:read'], { organizations: [acme.id] })
    expect(code(await h.invoke(theirs, 'get_risk_engine', { credential: foreign.id }))).toBe('not_found')
    const technician = await inPerson(h, await h.user('technician', globex.id))
    expect(code(await h.invoke(technician, 'get_risk_engine', {}))).toBe('forbidden')
  })

  it('tells that assistants are off', async () => {
    const place = await h.organization('Quiet')
    await h.sql('update organizations set assistants_enabled = false where id = $1', [place.id])
    const now = await ask({ organization: place.id }, await inPerson(h, adminId))
    expect(actionOf(now, 'list_devices')['refusal']).toMatchObject({ code: 'assistants_off' })
  })

  it('tells what the limits have counted, of the keys that one may see', async () => {
    const key = await h.key(await h.user('organization_admin', acme.id), ['ai:write', 'administration.write'], {
      organizations: [acme.id],
    })
    for (let sent = 0; sent < 3; sent += 1) {
      const response = await fetch(`${h.server.url}/api/v1/tools/whoami`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key.key}`, 'content-type': 'application/json' },
        body: '{}',
      })
      expect(response.status).toBe(200)
    }
    await h.invoke(await h.caller(key, 'rest'), 'create_enrollment_token', { organization: 'Acme' })
    const { limits } = await ask()
    const own = limits.filter((one: Answer) => one['credential'].id === key.id)
    expect(own).toMatchObject([
      { limit: 'messages', tool: null, used: 3, most: 100_000 },
      { limit: 'acts', tool: 'create_enrollment_token', used: 1 },
    ])
    const other = await inPerson(h, await h.user('organization_admin', globex.id))
    expect((await ask({}, other))['limits']).toEqual([])
  })
})
