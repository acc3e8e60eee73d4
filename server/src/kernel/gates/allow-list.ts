/**
 * GOV-4 and GOV-5: what keys and grants may do at tier 3. People at the console and the operator on the server's own
 * machine are exempt from these two gates, and from no other.
 */
import { EXECUTE_ADMIN } from '@breeze/contract/governance'
import { isDelegated, openedScopes, type Caller } from '../caller.ts'
import type { ActionSpec } from '../tool.ts'
import { allow, deny, type Verdict } from './verdict.ts'

export interface ExecuteRules {
  /** Tier-3 tools that keys and grants may call. */
  executeAllowList: 'all' | ReadonlySet<string>
  requireExecuteAdmin: boolean
}

/** Where `ai:execute_admin` is asked for, it opens the organizations whose administrator its user is, and no other. */
export function needsAdmin(caller: Caller, action: ActionSpec, rules: ExecuteRules): boolean {
  return rules.requireExecuteAdmin && action.tier === 3 && isDelegated(caller.credential)
}

export function allowListGate(caller: Caller, tool: string, action: ActionSpec, rules: ExecuteRules): Verdict {
  if (action.tier !== 3 || !isDelegated(caller.credential)) return allow
  if (rules.executeAllowList !== 'all' && !rules.executeAllowList.has(tool)) {
    return deny({
      code: 'not_allow_listed',
      reason: `Keys and OAuth grants may not call ${tool} on this server.`,
      remedy: `The server's operator can add ${tool} to the variable MCP_EXECUTE_TOOL_ALLOWLIST and restart.`,
    })
  }
  const scopes = openedScopes(caller)
  if (rules.requireExecuteAdmin && !(caller.admin && scopes !== 'all' && scopes.has(EXECUTE_ADMIN))) {
    return deny({
      code: 'execute_admin_required',
      reason: `This server asks for the scope ${EXECUTE_ADMIN}, held for an administrator, before high-impact tools run (MCP_REQUIRE_EXECUTE_ADMIN).`,
      remedy: `An administrator can grant ${EXECUTE_ADMIN} to a credential of their own.`,
      required_scope: EXECUTE_ADMIN,
    })
  }
  return allow
}
