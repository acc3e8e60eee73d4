/** Scripts of rules, and how they stand on each device. */
import type { CommandBody } from '@breeze/contract/agent-commands'
import type { Caller } from '../../../kernel/caller.ts'
import { query, type Tx } from '../../../kernel/db.ts'
import { principalColumns, principalOf } from '../../rollouts/principal.ts'
import type { Condition } from '../rules.ts'
import type { Judged } from './verdict.ts'

export interface Check {
  partnerId: string
  organizationId: string | null
  operation: string
  body: CommandBody
  os: string[]
  /** Whose act it is, without any rights. */
  principal: Caller
  scopes: string[] | null
}

/** Null: the rule is another one by now, or does not go on. */
export async function readCheck(tx: Tx, rule: { id: string; version: number }): Promise<Check | null> {
  const row = await tx.first(
    query
      .selectFrom('script_checks as c')
      .innerJoin('alert_rules as r', 'r.id', 'c.rule_id')
      .selectAll('c')
      .where('r.id', '=', rule.id)
      .where('r.version', '=', rule.version)
      .where('r.enabled', '=', true)
      .where('r.halted', 'is', null),
  )
  if (!row) return null
  const { partner_id: partnerId, scopes, client } = row
  const principal = {
    userId: row.user_id,
    userName: row.user_name,
    kind: row.credential_kind,
    id: row.credential_id,
    name: row.credential_name,
    scopes,
    client,
  }
  return {
    partnerId,
    organizationId: row.organization_id,
    operation: row.operation_id,
    // Written by `saveCheck` from the contract's own type.
    body: row.body as CommandBody,
    os: row.os,
    principal: principalOf({ partnerId, principal }),
    scopes,
  }
}

export interface SavedCheck {
  rule: { id: string; organizationId: string | null }
  operation: string
  script: { body: CommandBody; os: string[] }
}

/** From now on its rounds are the caller's act. What it said of devices before is forgotten. */
export async function saveCheck(tx: Tx, caller: Caller, { rule, operation, script }: SavedCheck): Promise<void> {
  const whose = { operation_id: operation, ...principalColumns(caller) }
  const text = { body: JSON.stringify(script.body), os: script.os }
  const place = { rule_id: rule.id, partner_id: caller.partnerId, organization_id: rule.organizationId }
  await tx.run(
    query
      .insertInto('script_checks')
      .values({ ...place, ...whose, ...text })
      .onConflict((clash) => clash.column('rule_id').doUpdateSet({ ...whose, ...text })),
  )
  await tx.run(query.updateTable('alert_rules').set({ halted: null }).where('id', '=', rule.id))
  await tx.run(query.deleteFrom('script_check_devices').where('rule_id', '=', rule.id))
}

export async function readBody(tx: Tx, ruleId: string): Promise<{ body: CommandBody; os: string[] } | null> {
  const row = await tx.first(query.selectFrom('script_checks').select(['body', 'os']).where('rule_id', '=', ruleId))
  return row ? { body: row.body as CommandBody, os: row.os } : null
}

// A device that is elsewhere by now begins anew there.
const ELSEWHERE = `
  delete from script_check_devices s using devices d
  where s.rule_id = $1 and d.id = s.device_id and (s.organization_id, s.site_id) is distinct from (d.organization_id, d.site_id)`
const DUE = `
  select w.id from unnest($2::uuid[]) as w (id) left join script_check_devices s on s.rule_id = $1 and s.device_id = w.id
  where s.device_id is null or (s.command_id is null and s.due_at <= $3)
  order by s.due_at nulls first, w.id limit $4`

/** Those that wait the longest. */
export async function dueDevices(
  tx: Tx,
  ruleId: string,
  among: readonly string[],
  now: Date,
  most: number,
): Promise<string[]> {
  await tx.prepared('check_devices_elsewhere', ELSEWHERE, [ruleId])
  const rows = await tx.prepared<{ id: string }>('check_devices_due', DUE, [ruleId, among, now, most])
  return rows.map(({ id }) => id)
}

export interface Place {
  id: string
  organizationId: string | null
  siteId: string | null
}

const BEGIN = `
  insert into script_check_devices (rule_id, device_id, organization_id, site_id, command_id, due_at)
  select $1, w.device_id, w.organization_id, w.site_id, w.command_id, $6
  from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[]) as w (device_id, organization_id, site_id, command_id)
  order by w.device_id
  on conflict (rule_id, device_id) do update set command_id = excluded.command_id, due_at = excluded.due_at`

export async function beginChecks(
  tx: Tx,
  ruleId: string,
  devices: readonly (Place & { commandId: string | null })[],
  dueAt: Date,
): Promise<void> {
  await tx.prepared('checks_begun', BEGIN, [
    ruleId,
    devices.map(({ id }) => id),
    devices.map(({ organizationId }) => organizationId),
    devices.map(({ siteId }) => siteId),
    devices.map(({ commandId }) => commandId),
    dueAt,
  ])
}

interface UnderWay {
  rule_id: string
  device_id: string
  command_id: string
  condition: Condition<'script_check'>
}

const UNDER_WAY = `
  select s.rule_id, s.device_id, s.command_id, r.condition
  from script_check_devices s join alert_rules r on r.id = s.rule_id
  where s.command_id is not null order by s.command_id limit 2000`

export const checksUnderWay = (tx: Tx): Promise<UnderWay[]> => tx.prepared('checks_under_way', UNDER_WAY, [])

export interface Settled extends Judged {
  ruleId: string
  deviceId: string
  exitCode: number | null
  output: string | null
}

const SETTLE = `
  with known as (
    select s.rule_id, s.device_id, w.verdict, w.reason, w.exit_code, w.output
    from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[])
      as w (rule_id, device_id, verdict, reason, exit_code, output)
    join script_check_devices s on s.rule_id = w.rule_id and s.device_id = w.device_id
    order by s.rule_id, s.device_id for no key update of s)
  update script_check_devices s set command_id = null, verdict = k.verdict, reason = k.reason, exit_code = k.exit_code,
    output = k.output, judged_at = $7
  from known k where s.rule_id = k.rule_id and s.device_id = k.device_id`

export async function settleChecks(tx: Tx, settled: readonly Settled[], now: Date): Promise<void> {
  if (settled.length === 0) return
  await tx.prepared('checks_settled', SETTLE, [
    settled.map(({ ruleId }) => ruleId),
    settled.map(({ deviceId }) => deviceId),
    settled.map(({ verdict }) => verdict),
    settled.map(({ reason }) => reason),
    settled.map(({ exitCode }) => exitCode),
    settled.map(({ output }) => output),
    now,
  ])
}

/** Nothing more is sent for it until somebody takes it up again. A rule that was changed since goes on. */
export async function haltRule(tx: Tx, rule: { id: string; version: number }, reason: string): Promise<void> {
  await tx.run(
    query
      .updateTable('alert_rules')
      .set({ halted: reason })
      .where('id', '=', rule.id)
      .where('version', '=', rule.version),
  )
}

/** Whether the rule is still the one that was looked at; it stays so until the transaction has ended. */
export async function holdRule(tx: Tx, rule: { id: string; version: number }): Promise<boolean> {
  const text = 'select id from alert_rules where id = $1 and version = $2 and enabled and halted is null for share'
  return (await tx.prepared('check_rule_held', text, [rule.id, rule.version])).length > 0
}
