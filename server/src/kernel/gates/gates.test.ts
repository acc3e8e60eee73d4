import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { access, ACME, CONTOSO, makeCaller } from '../../../test/callers.ts'
import { defineTool, type ActionSpec, type Target } from '../tool.ts'
import { allowListGate } from './allow-list.ts'
import { decidePolicy, type PolicyRule } from './confirmation.ts'
import { emergencyStopGate, organizationStopGate } from './emergency-stop.ts'
import { permissionGate } from './permission.ts'
import { scopeGate } from './scope.ts'
import { tierGate } from './tier.ts'
import { ToolLimit } from './tool-limit.ts'

const read: ActionSpec = { tier: 1, permission: 'devices.read' }
const write: ActionSpec = { tier: 2, permission: 'devices.write' }
const execute: ActionSpec = { tier: 3, permission: 'devices.execute' }
const never: ActionSpec = { tier: 4, permission: 'devices.execute', humanPath: 'By hand.' }
const allowed = { verdict: 'allow' }
const refused = (code: string) => ({ verdict: 'deny', denial: { code } })

const tool = (worksWhenStopped = false) =>
  defineTool({
    name: 'do_it',
    title: 'Do it',
    description: 'Does it.',
    area: 'devices',
    surfaces: ['mcp'],
    actions: execute,
    worksWhenStopped,
    input: z.object({}),
    output: z.object({}),
    run: async () => undefined,
    present: () => ({ text: '', data: {} }),
  })

describe('the tier gate', () => {
  it('lets tiers 1 to 3 pass and refuses tier 4 with the human path', () => {
    for (const action of [read, write, execute]) expect(tierGate(action)).toMatchObject(allowed)
    expect(tierGate(never)).toMatchObject({ verdict: 'deny', denial: { code: 'blocked', remedy: 'By hand.' } })
  })
})

describe('the scope gate', () => {
  it.each([
    ['ai:read', read, true],
    ['ai:read', write, false],
    ['ai:write', write, true],
    ['ai:write', execute, false],
    ['ai:execute', execute, true],
    ['devices.execute', execute, true],
    ['devices.read', write, false],
    ['scripts.execute', read, false],
    ['ai:execute_admin', execute, false],
  ])('%s and tier %o: %s', (scope, action, passes) => {
    const verdict = scopeGate(makeCaller({ scopes: new Set([scope]) }), 'devices', action)
    expect(verdict).toMatchObject(passes ? allowed : refused('insufficient_scope'))
  })

  it('keeps an area outside the core closed to ai:* and names its own scope', () => {
    const verdict = scopeGate(makeCaller(), 'administration', write)
    expect(verdict).toMatchObject({ denial: { code: 'insufficient_scope', required_scope: 'administration.write' } })
  })

  it('asks a person at the console for no scope', () => {
    expect(scopeGate(makeCaller({ scopes: 'all' }), 'administration', execute)).toMatchObject(allowed)
  })
})

describe('the permission gate', () => {
  it('refuses who holds the permission nowhere', () => {
    const viewer = makeCaller({
      organizations: new Map([[CONTOSO, access(CONTOSO, { permissions: ['devices.read'] })]]),
    })
    expect(permissionGate(viewer, read)).toMatchObject(allowed)
    expect(permissionGate(viewer, execute)).toMatchObject(refused('forbidden'))
  })
})

describe('the allow-list gate', () => {
  const rules = { executeAllowList: new Set(['run_script']), requireExecuteAdmin: false }

  it('refuses a tier-3 tool that is not on the list and names the variable', () => {
    const verdict = allowListGate(makeCaller(), 'device_actions', execute, rules)
    expect(verdict).toMatchObject({
      denial: { code: 'not_allow_listed', remedy: expect.stringContaining('MCP_EXECUTE_TOOL_ALLOWLIST') },
    })
    expect(allowListGate(makeCaller(), 'run_script', execute, rules)).toMatchObject(allowed)
    expect(allowListGate(makeCaller(), 'device_actions', write, rules)).toMatchObject(allowed)
  })

  it('wants execute_admin held for somebody who is an administrator now', () => {
    const strict = { executeAllowList: 'all' as const, requireExecuteAdmin: true }
    const scopes = new Set(['ai:execute', 'ai:execute_admin'])
    expect(allowListGate(makeCaller({ admin: true }), 'run_script', execute, strict)).toMatchObject(
      refused('execute_admin_required'),
    )
    expect(allowListGate(makeCaller({ scopes }), 'run_script', execute, strict)).toMatchObject(
      refused('execute_admin_required'),
    )
    expect(allowListGate(makeCaller({ scopes, admin: true }), 'run_script', execute, strict)).toMatchObject(allowed)
  })

  it('exempts the operator and people at the console, and nobody else', () => {
    const none = { executeAllowList: new Set<string>(), requireExecuteAdmin: true }
    for (const kind of ['operator', 'session'] as const) {
      const caller = makeCaller({ credential: { kind, id: 'x', name: 'x' } })
      expect(allowListGate(caller, 'run_script', execute, none)).toMatchObject(allowed)
    }
    const grant = makeCaller({ credential: { kind: 'oauth_grant', id: 'g', name: 'g' } })
    expect(allowListGate(grant, 'run_script', execute, none)).toMatchObject(refused('not_allow_listed'))
  })
})

describe('the emergency stop', () => {
  const stopped = makeCaller({ stopped: 'drill' })
  const target: Target = { kind: 'device', id: 'd', name: 'D', organizationId: ACME, siteId: 's' }

  it('refuses acts and lets reading go on', () => {
    expect(emergencyStopGate(stopped, tool(), execute)).toMatchObject(refused('emergency_stop'))
    expect(emergencyStopGate(stopped, tool(), read)).toMatchObject(allowed)
  })

  it('lets the tool that lifts it pass', () => {
    expect(emergencyStopGate(stopped, tool(true), write)).toMatchObject(allowed)
  })

  it('of one organization refuses acts that touch it, and only those', () => {
    const caller = makeCaller({
      organizations: new Map([
        [CONTOSO, access(CONTOSO)],
        [ACME, access(ACME, { stopped: true })],
      ]),
    })
    expect(organizationStopGate(caller, tool(), execute, [target])).toMatchObject(refused('emergency_stop'))
    expect(organizationStopGate(caller, tool(), execute, [{ ...target, organizationId: CONTOSO }])).toMatchObject(
      allowed,
    )
  })
})

describe('the limit per tool', () => {
  it('refuses the call beyond it, tells when to come back, and opens with the next minute', () => {
    const limit = new ToolLimit(2)
    const at = (second: number) => limit.gate(makeCaller(), 'run_script', execute, new Date(second * 1000))
    expect([at(0), at(1)]).toMatchObject([allowed, allowed])
    expect(at(20)).toMatchObject({ denial: { code: 'rate_limited', retry_after_seconds: 40 } })
    expect(at(60)).toMatchObject(allowed)
  })

  it('counts each credential and tool by itself, and reads not at all', () => {
    const limit = new ToolLimit(1)
    const now = new Date(0)
    const other = makeCaller({ credential: { kind: 'api_key', id: 'other', name: 'other' } })
    expect(limit.gate(makeCaller(), 'run_script', execute, now)).toMatchObject(allowed)
    expect(limit.gate(other, 'run_script', execute, now)).toMatchObject(allowed)
    expect(limit.gate(makeCaller(), 'device_actions', execute, now)).toMatchObject(allowed)
    expect(limit.gate(makeCaller(), 'run_script', read, now)).toMatchObject(allowed)
    expect(limit.gate(makeCaller(), 'run_script', execute, now)).toMatchObject(refused('rate_limited'))
  })
})

describe('the confirmation policy', () => {
  const device = (id: string, organizationId = CONTOSO, critical?: string): Target => ({
    kind: 'device',
    id,
    name: id,
    organizationId,
    siteId: 's',
    ...(critical && { critical }),
  })
  const caller = makeCaller({
    organizations: new Map([
      [CONTOSO, access(CONTOSO)],
      [ACME, access(ACME, { approvalLimit: 2 })],
    ]),
  })
  const decide = (targets: Target[], rules: PolicyRule[] = [], action = execute, others: PolicyRule[][] = []) => {
    const organizations = [...new Set(targets.flatMap((target) => target.organizationId ?? []))]
    return decidePolicy(caller, { action, targets, organizations }, rules, others)
  }
  const rule = (policy: PolicyRule['policy'], more: Partial<PolicyRule> = {}): PolicyRule => ({
    organization_id: null,
    area: null,
    tier: null,
    tool: null,
    policy,
    ...more,
  })

  it('goes by blast radius when no rule is set', () => {
    expect(decide([device('a')])).toEqual({ asked: 'client', applied: 'client' })
    expect(decide([device('a', CONTOSO, 'server')])).toEqual({ asked: 'elicit', applied: 'preview' })
    expect(decide([device('a'), device('b')])).toEqual({ asked: 'elicit', applied: 'preview' })
    expect(decide(Array.from({ length: 26 }, (_, n) => device(`d${n}`)))).toEqual({
      asked: 'approver',
      applied: 'approver',
    })
    expect(decide([device('a')], [], write)).toEqual({ asked: 'client', applied: 'client' })
  })

  it('asks for a second person where the caller lately read what a device wrote, for tier 3 only', () => {
    const asked = { targets: [device('a')], organizations: [CONTOSO] }
    const tainted = (action: ActionSpec) => decidePolicy(caller, { ...asked, action }, [rule('client')], [], true).asked
    expect([tainted(execute), tainted(write)]).toEqual(['approver', 'client'])
  })

  it('asks the operator of the server for a preview instead of a second person', () => {
    const operator = makeCaller({ credential: { kind: 'operator', id: 'o', name: 'operator' } })
    const asked = { targets: [device('a')], organizations: [CONTOSO] }
    const decision = decidePolicy(operator, { ...asked, action: execute }, [rule('approver')])
    expect(decision).toEqual({ asked: 'approver', applied: 'preview' })
  })

  it('takes the smallest limit of the organizations touched', () => {
    expect(decide([device('a'), device('b'), device('c', ACME)]).asked).toBe('approver')
  })

  it('prefers the more specific rule, and an organization over the partner', () => {
    const rules = [
      rule('approver'),
      rule('preview', { tool: 'run_script' }),
      rule('client', { organization_id: CONTOSO }),
    ]
    expect(decide([device('a')], rules.slice(0, 2)).asked).toBe('preview')
    expect(decide([device('a')], rules).asked).toBe('client')
  })

  it('counts a rule that names another tool which does the same, and no wider rule about it', () => {
    const own = [rule('client', { tool: 'run_script' })]
    const wide = [rule('approver'), rule('approver', { area: 'alerts' })]
    expect(decide([device('a')], own, execute, [wide]).asked).toBe('client')
    expect(decide([device('a')], own, execute, [[...wide, rule('preview', { tool: 'same' })]]).asked).toBe('preview')
  })

  it('lets the strictest organization of a call decide', () => {
    const rules = [rule('client', { organization_id: CONTOSO }), rule('approver', { organization_id: ACME })]
    expect(decide([device('a'), device('b', ACME)], rules).asked).toBe('approver')
  })
})
