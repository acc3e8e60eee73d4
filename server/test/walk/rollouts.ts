/** Rollouts that are paused, written by SQL: what the walk looks at, resumes and takes back. */
import { randomUUID } from 'node:crypto'
import type { Harness } from '../harness.ts'

/** Answers its operation. An isolation has succeeded on its device; anything else has not begun. */
export async function insertRollout(
  world: Harness,
  at: { organization: string; site: string; device: string; user: string },
  of: { tool: string; kind: string; task: { action?: string }; prefix: string },
): Promise<string> {
  const [operation, id] = [randomUUID(), randomUUID()]
  const { partnerId } = world.server.installation
  const { action = null } = of.task
  await world.sql(
    `insert into operations (id, partner_id, organization_ids, call_id, user_id, credential_kind, credential_id, channel, tool, action, tier,
       state, summary, input, input_digest, effect_digest, target_ids, site_ids, ends_by_itself, policy_asked, policy_applied)
     values ($1, $2, $3, $1, $4, 'session', '', 'mcp', $5, $9, 3, 'running', $6, '{}', '', '', $7, $8, false, 'client', 'client')`,
    [
      operation,
      partnerId,
      [at.organization],
      at.user,
      of.tool,
      `${of.prefix} deployment`,
      [at.device],
      [at.site],
      action,
    ],
  )
  await world.sql(
    `insert into rollouts (id, partner_id, organization_ids, operation_id, kind, plan, task, user_id, user_name, credential_kind,
       credential_id, credential_name, state, starts_at, give_up_at, created_at, changed_at)
     values ($1, $2, $3, $4, $7, $5, $8, $6, '', 'session', '', '', 'paused', now(), now() + interval '1 day', now(), now())`,
    [
      id,
      partnerId,
      [at.organization],
      operation,
      '{"stages": [{"name": "all", "devices": 1}], "minSuccessPercent": 90, "soakMinutes": 0, "patienceHours": 1}',
      at.user,
      of.kind,
      JSON.stringify(of.task),
    ],
  )
  await world.sql(
    `insert into rollout_devices (rollout_id, device_id, organization_id, site_id, stage, phase, outcome)
     values ($1, $2, $3, $4, 0, $5, $6)`,
    [id, at.device, at.organization, at.site, ...(action === null ? ['waiting', null] : ['done', 'succeeded'])],
  )
  return operation
}
