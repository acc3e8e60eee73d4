/** A row of one organization in every tenant table, written by the owner past row-level security. */
import { GLOBAL_TABLES } from '../../src/database/isolation.ts'
import { systemEnvironment } from '../../src/kernel/context.ts'
import type { Harness, Organization } from '../harness.ts'

export interface TenantTable {
  name: string
  columns: string[]
  /** True of this organization's rows. */
  mine: string
  /** One of them whole, as JSON. */
  row: unknown
}
export type Filled = ReadonlyMap<string, TenantTable>

const { newId, randomBytes } = systemEnvironment
const METRIC_COUNTS = 'cpu_count, memory_count, swap_count, load_count, received_count, sent_count'

export async function fillTenantTables(world: Harness, organization: Organization): Promise<Filled> {
  await insertRows(world, organization)
  const columns = await world.sql<{ name: string; columns: string[] }>(
    `select table_name as name, array_agg(column_name::text order by ordinal_position) as columns
     from information_schema.columns where table_schema = 'public' group by 1 order by 1`,
  )
  const filled = new Map<string, TenantTable>()
  for (const { name, columns: own } of columns) {
    if (name in GLOBAL_TABLES) continue
    const mine = belongsTo(name, own, organization.id)
    const [found] = await world.sql<{ row: unknown }>(`select to_jsonb(t) as row from ${name} t where ${mine} limit 1`)
    filled.set(name, { name, columns: own, mine, row: found?.row ?? null })
  }
  return filled
}

function belongsTo(table: string, columns: readonly string[], id: string): string {
  if (table === 'organizations') return `t.id = '${id}'`
  if (columns.includes('organization_id')) return `t.organization_id = '${id}'`
  if (columns.includes('organization_ids')) return `t.organization_ids = '{${id}}'`
  throw new Error(`${table} has no column that names its tenant`)
}

async function insertMetrics(world: Harness, device: string, org: string, site: string): Promise<void> {
  for (const table of ['metrics_minute', 'metrics_quarter', 'metrics_hour']) {
    const counts = table === 'metrics_minute' ? 'uptime_seconds' : METRIC_COUNTS
    const zeros = counts.replaceAll(/\w+/g, '0')
    await world.sql(
      `insert into ${table} (device_id, organization_id, site_id, at, ${counts}) values ($1, $2, $3, now(), ${zeros})`,
      [device, org, site],
    )
  }
  for (const table of ['disk_metrics_minute', 'disk_metrics_quarter', 'disk_metrics_hour']) {
    const figures = table === 'disk_metrics_minute' ? 'total, available, used' : 'total, available_count, used_count'
    await world.sql(
      `insert into ${table} (device_id, organization_id, site_id, at, mount, ${figures}) values ($1, $2, $3, now(), '/secret', 0, 0, 0)`,
      [device, org, site],
    )
  }
}

async function insertRows(world: Harness, organization: Organization): Promise<void> {
  const partner = world.server.installation.partnerId
  const { id: org, siteId: site } = organization
  const user = await world.user('technician', org)
  const key = await world.key(user, ['ai:execute'], { organizations: [org] })
  const device = await world.device(organization, `${organization.name}-PC`)
  const operation = newId()
  await world.sql(
    `insert into operations (id, partner_id, organization_ids, call_id, user_id, credential_kind, credential_id, channel, tool, tier, state,
       summary, input, input_digest, effect_digest, target_ids, site_ids, policy_asked, policy_applied)
     values ($1, $2, $3, $1, $4, 'api_key', $5, 'mcp', 'run_script', 3, 'running', 'secret plan', '{}', '', '', $6, $7, 'client', 'client')`,
    [operation, partner, [org], user, key.id, [device], [site]],
  )
  await world.sql(
    `insert into approvals (operation_id, partner_id, organization_ids, user_id, user_name, credential_kind, credential_id, credential_name,
       channel, permission, because, plan, input, requester_may_decide, requested_at, expires_at)
     values ($1, $2, $3, $4, 'secret requester', 'api_key', $5, 'a key', 'mcp', 'scripts.execute', 'policy', '{}', '', false, now(), now())`,
    [operation, partner, [org], user, key.id],
  )
  await world.sql(
    `insert into tasks (operation_id, partner_id, organization_ids, kept, created_at) values ($1, $2, $3, 'secret answer', now())`,
    [operation, partner, [org]],
  )
  await world.sql(
    `insert into elevations (id, partner_id, organization_id, credential_kind, credential_id, credential_name, user_id, user_name, scope,
       minutes, reason, operation_id, granted_by, granted_by_name, started_at, ends_at)
     values ($1, $2, $3, 'api_key', $4, 'a key', $5, 'secret user', 'ai:execute', 60, 'secret reason', $6, $5, 'x', now(), now() + interval '1 hour')`,
    [newId(), partner, org, key.id, user, operation],
  )
  await world.sql(
    `insert into script_runs (id, partner_id, organization_ids, operation_id, language, content, content_digest, timeout_seconds)
     values ($1, $2, $3, $4, 'bash', 'true', '', 60)`,
    [newId(), partner, [org], operation],
  )
  const command = newId()
  await world.sql(
    `insert into device_commands (id, organization_id, site_id, device_id, operation_id, type, key_id, payload, signature, issued_at, expires_at, run_seconds, give_up_at)
     values ($1, $2, $3, $4, $5, 'script.run', '', '', '', now(), now() + interval '1 day', 60, now() + interval '1 day')`,
    [command, org, site, device, operation],
  )
  await world.sql(
    `insert into device_command_output (command_id, sequence, organization_id, site_id, text) values ($1, 0, $2, $3, 'secret output')`,
    [command, org, site],
  )
  await world.sql(
    `insert into device_presence (device_id, organization_id, site_id, last_seen_at) values ($1, $2, $3, now())`,
    [device, org, site],
  )
  await world.sql(
    `insert into device_sections (device_id, section, organization_id, site_id, status, source, collected_at, hash)
     values ($1, 'os', $2, $3, 'ok', 'test', now(), '')`,
    [device, org, site],
  )
  await world.sql(
    `insert into device_software (device_id, source, name, architecture, organization_id, site_id, version)
     values ($1, 'dpkg', 'secret-software', 'amd64', $2, $3, '1')`,
    [device, org, site],
  )
  await insertPatches(world, device, org, site)
  await insertRollout(world, organization, { user, device, operation })
  await world.sql(
    `insert into patch_rules (id, partner_id, organization_id, name, decision, updated_at, updated_by)
     values ($1, $2, $3, 'secret rule', 'block', now(), $4)`,
    [newId(), partner, org, user],
  )
  await insertMetrics(world, device, org, site)
  await world.sql(
    `insert into device_warranties (device_id, organization_id, site_id, ends_on, source, imported_at, imported_by)
     values ($1, $2, $3, '2028-05-31', 'secret list', now(), $4)`,
    [device, org, site, user],
  )
  await world.sql(
    `insert into device_events (device_id, sequence, position, organization_id, site_id, watch_id, log, at, received_at, source, message)
     values ($1, 1, 0, $2, $3, 'secret-watch', 'system', now(), now(), 'test', 'secret event')`,
    [device, org, site],
  )
  await world.sql(
    `insert into sessions (id, partner_id, organization_id, user_id, hash, stage, methods, created_at, last_used_at, proven_at, expires_at)
     values ($1, $2, $3, $4, $5, 'open', '{password}', now(), now(), now(), now() + interval '1 day')`,
    [newId(), partner, org, user, randomBytes(32)],
  )
  const owner = [user, partner, org]
  await world.sql(
    `insert into provider_accounts (id, partner_id, organization_id, user_id, issuer, subject, created_at)
     values ($1, $2, $3, $4, 'https://issuer.test', $5, now())`,
    [newId(), partner, org, user, user],
  )
  await world.sql(
    `insert into invitations (id, partner_id, organization_id, email, roles, roles_text, hash, invited_by, created_at, expires_at)
     values ($1, $2, $3, 'x@example.test', '[]', '', $4, $5, now(), now() + interval '1 day')`,
    [newId(), partner, org, randomBytes(32), user],
  )
  await world.sql(
    `insert into password_resets (id, partner_id, organization_id, user_id, clears_factors, hash, created_at, expires_at)
     values ($1, $2, $3, $4, false, $5, now(), now() + interval '1 day')`,
    [newId(), partner, org, user, randomBytes(32)],
  )
  await world.sql(
    `insert into totp_factors (user_id, partner_id, organization_id, secret, created_at) values ($1, $2, $3, '', now())`,
    owner,
  )
  await world.sql(
    `insert into recovery_codes (user_id, partner_id, organization_id, id, hash, created_at) values ($1, $2, $3, $4, '', now())`,
    [...owner, newId()],
  )
  await world.sql(
    `insert into passkeys (user_id, partner_id, organization_id, id, name, credential_id, public_key, counter, transports, created_at)
     values ($1, $2, $3, $4, 'Laptop', $4::uuid::text, '', 0, '{}', now())`,
    [...owner, newId()],
  )
  await world.sql(
    `insert into oauth_grants (id, partner_id, organization_id, organization_ids, user_id, client_id, client_name, first_party, redirect_host,
       scopes, created_at, last_authorized_at, expires_at)
     values ($1, $2, $3, $4, $5, 'client', 'Assistant', false, 'localhost', '{ai:read}', now(), now(), now() + interval '1 day')`,
    [newId(), partner, org, [org], user],
  )
  await world.sql(
    `insert into enrollment_tokens (id, organization_id, site_id, hash, uses_left, created_by, expires_at)
     values ($1, $2, $3, $4, 1, $5, now() + interval '1 day')`,
    [newId(), org, site, randomBytes(32), user],
  )
  await world.sql(
    `insert into confirmation_policies (id, partner_id, organization_id, tool, policy) values ($1, $2, $3, 'run_script', 'preview')`,
    [newId(), partner, org],
  )
  await world.sql(
    `insert into emergency_stops (id, partner_id, organization_id, reason, stopped_by, lifted_at) values ($1, $2, $3, 'drill', $4, now())`,
    [newId(), partner, org, user],
  )
  await world.sql(
    `insert into device_changes (device_id, organization_id, site_id, section, kind, subject, first_at, at, hour)
     values ($1, $2, $3, 'software', 'software_added', 'secret package', now(), now(), now())`,
    [device, org, site],
  )
  const [field, group] = [newId(), newId()]
  await world.sql(
    `insert into custom_fields (id, partner_id, organization_id, name, type, created_at) values ($1, $2, $3, 'secret field', 'text', now())`,
    [field, partner, org],
  )
  await world.sql(
    `insert into device_field_values (device_id, field_id, organization_id, site_id, value, updated_at, updated_by)
     values ($1, $2, $3, $4, '"secret value"', now(), $5)`,
    [device, field, org, site, user],
  )
  await world.sql(
    `insert into device_groups (id, partner_id, organization_id, name, updated_at, updated_by) values ($1, $2, $3, 'secret group', now(), $4)`,
    [group, partner, org, user],
  )
  await world.sql(
    `insert into device_group_members (group_id, device_id, organization_id, site_id) values ($1, $2, $3, $4)`,
    [group, device, org, site],
  )
  const rule = newId()
  await world.sql(
    `insert into alert_rules (id, partner_id, organization_id, name, signal, condition, severity, created_at, updated_at)
     values ($1, $2, $3, 'secret rule', 'device_offline', '{}', 'high', now(), now())`,
    [rule, partner, org],
  )
  await insertCheck(world, { org, site }, { rule, device, user, operation })
  const alert = newId()
  await world.sql(
    `insert into alerts (id, organization_id, site_id, device_id, rule_id, signal, severity, title, opened_at, last_seen_at)
     values ($1, $2, $3, $4, $5, 'device_offline', 'high', 'secret alert', now(), now())`,
    [alert, org, site, device, rule],
  )
  await world.sql(
    `insert into alert_events (organization_id, site_id, alert_id, kind, at) values ($1, $2, $3, 'opened', now())`,
    [org, site, alert],
  )
  await world.sql(
    `insert into alert_pending (device_id, rule_id, organization_id, site_id, since, last_seen_at)
     values ($1, $2, $3, $4, now(), now())`,
    [device, rule, org, site],
  )
  await world.sql(
    `insert into alert_baselines (device_id, kind, organization_id, site_id, names)
     values ($1, 'services', $2, $3, '{secret-service}')`,
    [device, org, site],
  )
  await world.sql(
    `insert into maintenance_windows (id, partner_id, organization_id, name, recurrence, time_zone, duration_minutes,
       created_at, created_by, updated_at, updated_by)
     values ($1, $2, $3, 'secret window', '{"kind": "once", "date": "2027-01-01", "time": "22:00"}', 'UTC', 60, now(), $4, now(), $4)`,
    [newId(), partner, org, user],
  )
  const channel = newId()
  await world.sql(
    `insert into notification_channels (id, partner_id, organization_id, name, kind, target, shown, created_at, updated_at, updated_by)
     values ($1, $2, $3, 'secret channel', 'webhook', '', 'secret.test', now(), now(), $4)`,
    [channel, partner, org, user],
  )
  const route = newId()
  await world.sql(
    `insert into notification_routes (id, partner_id, organization_id, name, channel_id, severity, group_wait_seconds, tells_resolved,
       created_at, updated_at, updated_by)
     values ($1, $2, $3, 'secret route', $4, 'low', 3600, true, now(), now(), $5)`,
    [route, partner, org, channel, user],
  )
  await world.sql(
    `insert into notifications (id, organization_id, site_id, route_id, channel_id, kind, state, alert_ids, due_at, created_at)
     values ($1, $2, $3, $4, $5, 'alerts', 'sent', $6, now(), now())`,
    [newId(), org, site, route, channel, [alert]],
  )
  await world.sql(
    `insert into agent_settings (id, partner_id, organization_id, settings, updated_by, updated_at)
     values ($1, $2, $3, '{"heartbeatSeconds": 77}', $4, now())`,
    [newId(), partner, org, user],
  )
  const script = newId()
  await world.sql(
    `insert into scripts (id, partner_id, organization_id, name, version, created_at, updated_at)
     values ($1, $2, $3, 'secret script', 1, now(), now())`,
    [script, partner, org],
  )
  await world.sql(
    `insert into script_versions (script_id, version, partner_id, organization_id, language, content, os, parameters, timeout_seconds,
       digest, saved_at)
     values ($1, 1, $2, $3, 'bash', 'secret text', '{}', '[]', 60, '', now())`,
    [script, partner, org],
  )
  await insertCompliance(world, organization, { user, device })
  await world.invoke(await world.caller(key), 'list_devices', {})
}

async function insertPatches(world: Harness, ...place: [device: string, organization: string, site: string]) {
  await world.sql(
    `insert into device_updates (device_id, organization_id, site_id, key, name, available, first_seen_at)
     values ($1, $2, $3, 'secret-update', 'secret-update', '2', now())`,
    place,
  )
  await world.sql(
    `insert into device_update_history (device_id, organization_id, site_id, at, name, outcome, reason, recorded_at)
     values ($1, $2, $3, now(), 'secret-update', 'failed', 'secret reason', now())`,
    place,
  )
  await world.sql(
    `insert into device_patch_state (device_id, organization_id, site_id, state, missing, missing_security, missing_unrated, failed,
       last_failed_at, lists_updated_at, history_known, changed_at)
     values ($1, $2, $3, 'failed', 1, 0, 1, 1, now(), now(), true, now())`,
    place,
  )
  await world.sql(
    `insert into device_vulnerabilities (device_id, organization_id, site_id, vulnerability, package, version, first_seen_at)
     values ($1, $2, $3, 'CVE-2026-0001', 'secret-package', '1', now())`,
    place,
  )
  await world.sql(
    `insert into device_vulnerability_state (device_id, organization_id, site_id, assessed, critical, high, medium, low, unrated, assessed_at)
     values ($1, $2, $3, true, 0, 0, 0, 0, 1, now())`,
    place,
  )
}

async function insertCheck(
  world: Harness,
  { org, site }: { org: string; site: string },
  by: { rule: string; device: string; user: string; operation: string },
) {
  await world.sql(
    `insert into script_checks (rule_id, partner_id, organization_id, operation_id, body, user_id, user_name, credential_kind, credential_id,
       credential_name)
     values ($1, $2, $3, $4, '{"secret": "body"}', $5, '', 'session', '', '')`,
    [by.rule, world.server.installation.partnerId, org, by.operation, by.user],
  )
  await world.sql(
    `insert into script_check_devices (rule_id, device_id, organization_id, site_id, due_at, verdict, output, judged_at)
     values ($1, $2, $3, $4, now() + interval '1 day', 'fire', 'secret output', now())`,
    [by.rule, by.device, org, site],
  )
}

async function insertRollout(
  world: Harness,
  { id: org, siteId: site }: Organization,
  by: { user: string; device: string; operation: string },
) {
  const rollout = newId()
  await world.sql(
    `insert into rollouts (id, partner_id, organization_ids, operation_id, kind, plan, task, user_id, user_name, credential_kind,
       credential_id, credential_name, state, starts_at, give_up_at, created_at, changed_at, finished_at)
     values ($1, $2, $3, $4, 'patches', '{"stages": []}', '{"note": "secret task"}', $5, '', 'session', '', '', 'finished', now(), now(), now(),
       now(), now())`,
    [rollout, world.server.installation.partnerId, [org], by.operation, by.user],
  )
  await world.sql(
    `insert into rollout_devices (rollout_id, device_id, organization_id, site_id, stage, phase, outcome, reason, finished_at)
     values ($1, $2, $3, $4, 0, 'done', 'failed', 'secret reason', now())`,
    [rollout, by.device, org, site],
  )
}

async function insertCompliance(world: Harness, organization: Organization, by: { user: string; device: string }) {
  const { id: org, siteId: site } = organization
  const partner = world.server.installation.partnerId
  await world.sql(
    `insert into compliance_results (device_id, check_id, organization_id, site_id, check_version, result, seen, since)
     values ($1, 'firewall_on', $2, $3, 1, 'fail', 'secret finding', now())`,
    [by.device, org, site],
  )
  await world.sql(
    `insert into compliance_evaluations (device_id, organization_id, site_id, evaluated_at) values ($1, $2, $3, now())
     on conflict do nothing`,
    [by.device, org, site],
  )
  await world.sql(
    `insert into compliance_waivers (id, organization_id, site_id, check_id, reason, created_by, created_at, until)
     values ($1, $2, $3, 'firewall_on', 'secret reason', $4, now(), now() + interval '1 day')`,
    [newId(), org, site, by.user],
  )
  await world.sql(
    `insert into compliance_frameworks (id, partner_id, organization_id, name, version, controls, updated_by, updated_at)
     values ($1, $2, $3, 'secret framework', 1, '[]', $4, now())`,
    [newId(), partner, org, by.user],
  )
  await world.sql(
    `insert into compliance_settings (id, partner_id, organization_id, settings, updated_by, updated_at)
     values ($1, $2, $3, '{"dormantDays": 44}', $4, now())`,
    [newId(), partner, org, by.user],
  )
  await world.sql(
    `insert into compliance_history (organization_id, site_id, framework, day, framework_version, devices, passed, failed, unknown,
       waived, not_applicable, weight_passed, weight_failed)
     values ($1, $2, 'cis_controls', current_date, '1', 1, 1, 0, 0, 0, 0, 1, 0)`,
    [org, site],
  )
}
