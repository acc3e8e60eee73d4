/** An organization with one of everything that inputs can point at. */
import { randomUUID } from 'node:crypto'
import { alertRow, alertRule } from '../alerts/rows.ts'
import { insertRollout } from './rollouts.ts'
import type { Harness, Organization } from '../harness.ts'
import type { Things } from './samples.ts'

export interface Furnished extends Organization {
  things: Things
  /** The same by their names, where they have one. */
  names: Things
}

/** Every name begins with `prefix`, so that a walk can look for it in answers. */
export async function furnish(world: Harness, prefix: string): Promise<Furnished> {
  const organization = await world.organization(`${prefix} Incorporated`)
  const site = await world.site(organization.id, `${prefix} Harbour`)
  const device = await world.device({ ...organization, siteId: site }, `${prefix}-WS-01`)
  const user = await world.user('viewer', organization.id)
  await world.sql('update users set name = $2, email = $3 where id = $1', [
    user,
    `${prefix} Person`,
    `person@${prefix.toLowerCase()}.test`,
  ])
  const holder = await world.user('technician', organization.id)
  await world.sql('update users set name = $2 where id = $1', [holder, `${prefix} Holder`])
  const key = await world.key(holder, ['ai:read'], { organizations: [organization.id] })
  await world.sql('update api_keys set name = $2 where id = $1', [key.id, `${prefix} Key`])
  const enrollmentToken = randomUUID()
  await world.sql(
    `insert into enrollment_tokens (id, organization_id, site_id, hash, uses_left, created_by, expires_at)
     values ($1, $2, $3, sha256($5::text::bytea), 1, $4, now() + interval '1 hour')`,
    [enrollmentToken, organization.id, site, user, enrollmentToken],
  )
  const invitation = randomUUID()
  await world.sql(
    `insert into invitations (id, partner_id, organization_id, email, roles, roles_text, hash, invited_by, created_at, expires_at)
     values ($1, $2, $3, $4, '[]', 'Viewer', sha256($5::text::bytea), $6, now(), now() + interval '1 day')`,
    [
      invitation,
      world.server.installation.partnerId,
      organization.id,
      `invited@${prefix.toLowerCase()}.test`,
      invitation,
      user,
    ],
  )
  const { operation, run } = await insertRun(world, organization.id, site, device, user)
  const approval = await insertApproval(world, organization.id, device, user)
  const elevation = await insertElevation(world, organization.id, operation, user, key.id)
  const [group, customField] = [randomUUID(), randomUUID()]
  const partner = world.server.installation.partnerId
  await world.sql(
    `insert into device_groups (id, partner_id, organization_id, name, updated_at, updated_by) values ($1, $2, $3, $4, now(), $5)`,
    [group, partner, organization.id, `${prefix} Group`, user],
  )
  await world.sql(
    `insert into custom_fields (id, partner_id, organization_id, name, type, created_at) values ($1, $2, $3, $4, 'text', now())`,
    [customField, partner, organization.id, `${prefix} Field`],
  )
  const rule = await alertRule(world, world.server.installation.partnerId, organization.id, { name: `${prefix} Rule` })
  const alert = await alertRow(world, { id: organization.id, siteId: site }, { device, title: `${prefix} is full` })
  const [grant, client] = [randomUUID(), `${prefix}-client`]
  await insertGrant(world, organization.id, { grant, client, name: `${prefix} Assistant`, user: holder })
  const { channel, route } = await insertRoute(world, organization.id, prefix, holder)
  const { framework, waiver } = await insertCompliance(world, organization.id, site, device, user, prefix)
  const check = await insertCheck(world, organization.id, `${prefix} Check`, { operation, user })
  const window = await insertWindow(world, organization.id, prefix, holder)
  const script = await insertScript(world, organization.id, prefix, holder)
  const { patchRule, rollout, isolation } = await insertPatches(
    world,
    { ...organization, siteId: site },
    { device, user },
    prefix,
  )
  const things = {
    organization: organization.id,
    site,
    device,
    alert,
    rule,
    operation,
    approval,
    elevation,
    run,
    key: key.id,
    user,
    enrollmentToken,
    invitation,
    grant,
    client,
    channel,
    route,
    window,
    framework,
    waiver,
    group,
    customField,
    script,
    patchRule,
    check,
    rollout,
    isolation,
  }
  const names = {
    ...things,
    organization: organization.name,
    site: `${prefix} Harbour`,
    device: `${prefix}-WS-01`,
    key: `${prefix} Key`,
    user: `${prefix} Person`,
    invitation: `invited@${prefix.toLowerCase()}.test`,
    client: `${prefix} Assistant`,
    channel: `${prefix} Channel`,
    route: `${prefix} Route`,
    window: `${prefix} Window`,
    framework: `${prefix} Framework`,
    group: `${prefix} Group`,
    customField: `${prefix} Field`,
    script: `${prefix} Script`,
    patchRule: `${prefix} Patch rule`,
    check: `${prefix} Check`,
    rule: `${prefix} Rule`,
  }
  return { ...organization, things, names }
}

async function insertCheck(
  world: Harness,
  organization: string,
  name: string,
  by: { operation: string; user: string },
): Promise<string> {
  const { partnerId } = world.server.installation
  const usual = { language: 'bash', script: null, digest: '', timeout_seconds: 60, interval_minutes: 60 }
  const rule = await alertRule(world, partnerId, organization, { name, signal: 'script_check', condition: usual })
  const args = { language: 'bash', content: 'true', arguments: [], timeoutSeconds: 60 }
  await world.sql(
    `insert into script_checks (rule_id, partner_id, organization_id, operation_id, body, user_id, user_name, credential_kind, credential_id,
       credential_name)
     values ($1, $2, $3, $4, $5, $6, '', 'session', '', '')`,
    [rule, partnerId, organization, by.operation, JSON.stringify({ type: 'script.run', args }), by.user],
  )
  return rule
}

async function insertPatches(
  world: Harness,
  { id: organization, siteId: site }: Organization,
  by: { device: string; user: string },
  prefix: string,
) {
  const { partnerId } = world.server.installation
  const patchRule = randomUUID()
  await world.sql(
    `insert into device_updates (device_id, organization_id, site_id, key, name, available, first_seen_at)
     values ($1, $2, $3, 'one', $4, '2', now())`,
    [by.device, organization, site, `${prefix}-update`],
  )
  await world.sql(
    `insert into patch_rules (id, partner_id, organization_id, name, decision, match, updated_at, updated_by)
     values ($1, $2, $3, $4, 'block', '{"names": ["none"]}', now(), $5)`,
    [patchRule, partnerId, organization, `${prefix} Patch rule`, by.user],
  )
  const at = { organization, site, device: by.device, user: by.user }
  const rollout = await insertRollout(world, at, { tool: 'deploy_patches', kind: 'patches', task: {}, prefix })
  const task = { action: 'isolate' }
  const isolation = await insertRollout(world, at, { tool: 'device_actions', kind: 'device_actions', task, prefix })
  return { patchRule, rollout, isolation }
}

async function insertRoute(world: Harness, organization: string, prefix: string, user: string) {
  const [channel, route] = [randomUUID(), randomUUID()]
  const partner = world.server.installation.partnerId
  const target = world.server.services.notifications.seal(channel, { url: 'https://127.0.0.1:1/none' })
  await world.sql(
    `insert into notification_channels (id, partner_id, organization_id, name, kind, target, shown, created_at, updated_at, updated_by)
     values ($1, $2, $3, $4, 'webhook', $5, '127.0.0.1:1', now(), now(), $6)`,
    [channel, partner, organization, `${prefix} Channel`, target, user],
  )
  await world.sql(
    `insert into notification_routes (id, partner_id, organization_id, name, channel_id, severity, group_wait_seconds, tells_resolved,
       created_at, updated_at, updated_by)
     values ($1, $2, $3, $4, $5, 'critical', 45, true, now(), now(), $6)`,
    [route, partner, organization, `${prefix} Route`, channel, user],
  )
  return { channel, route }
}

async function insertWindow(world: Harness, organization: string, prefix: string, user: string): Promise<string> {
  const id = randomUUID()
  await world.sql(
    `insert into maintenance_windows (id, partner_id, organization_id, name, recurrence, time_zone, duration_minutes, created_at,
       created_by, updated_at, updated_by)
     values ($1, $2, $3, $4, '{"kind": "once", "date": "2099-01-01", "time": "22:00"}', 'UTC', 60, now(), $5, now(), $5)`,
    [id, world.server.installation.partnerId, organization, `${prefix} Window`, user],
  )
  return id
}

async function insertScript(world: Harness, organization: string, prefix: string, user: string): Promise<string> {
  const id = randomUUID()
  const partner = world.server.installation.partnerId
  await world.sql(
    `insert into scripts (id, partner_id, organization_id, name, version, created_at, updated_at, updated_by)
     values ($1, $2, $3, $4, 1, now(), now(), $5)`,
    [id, partner, organization, `${prefix} Script`, user],
  )
  await world.sql(
    `insert into script_versions (script_id, version, partner_id, organization_id, language, content, os, parameters, timeout_seconds,
       digest, saved_at, saved_by)
     values ($1, 1, $2, $3, 'bash', 'true', '{}', '[]', 60, '', now(), $4)`,
    [id, partner, organization, user],
  )
  return id
}

async function insertGrant(
  world: Harness,
  organization: string,
  made: { grant: string; client: string; name: string; user: string },
) {
  await world.sql(
    `insert into oauth_clients (id, kind, name, redirect_uris, created_at) values ($1, 'registered', $2, '{http://localhost/}', now())`,
    [made.client, made.name],
  )
  await world.sql(
    `insert into oauth_grants (id, partner_id, organization_id, organization_ids, user_id, client_id, client_name, first_party,
       redirect_host, scopes, created_at, last_authorized_at, expires_at)
     values ($1, $2, $3, array[$3::uuid], $4, $5, $6, false, 'localhost', '{ai:read}', now(), now(), now() + interval '1 day')`,
    [made.grant, world.server.installation.partnerId, organization, made.user, made.client, made.name],
  )
}

async function insertRun(world: Harness, organization: string, site: string, device: string, user: string) {
  const [operation, run] = [randomUUID(), randomUUID()]
  const partner = world.server.installation.partnerId
  await world.sql(
    `insert into operations (id, partner_id, organization_ids, call_id, user_id, credential_kind, credential_id, channel, tool, tier,
       state, summary, input, input_digest, effect_digest, target_ids, policy_asked, policy_applied, created_at)
     values ($1, $2, array[$3::uuid], gen_random_uuid(), $4, 'api_key', 'none', 'mcp', 'run_script', 3, 'running', 'Run a script.', '{}',
       ''::bytea, ''::bytea, array[$5::uuid], 'client', 'client', now())`,
    [operation, partner, organization, user, device],
  )
  await world.sql(
    `insert into script_runs (id, partner_id, organization_ids, operation_id, language, content, content_digest, timeout_seconds)
     values ($1, $2, array[$3::uuid], $4, 'bash', 'true', '', 60)`,
    [run, partner, organization, operation],
  )
  await world.sql(
    `insert into device_commands (id, organization_id, site_id, device_id, operation_id, type, key_id, payload, signature,
       issued_at, expires_at, run_seconds, give_up_at)
     values ($1, $2, $3, $4, $5, 'script.run', 'k', '{}', '', now(), now() + interval '1 day', 60, now() + interval '1 day')`,
    [randomUUID(), organization, site, device, operation],
  )
  return { operation, run }
}

/** Of a key that lives: of another it would end by itself. */
async function insertElevation(world: Harness, organization: string, operation: string, user: string, key: string) {
  const id = randomUUID()
  await world.sql(
    `insert into elevations (id, partner_id, organization_id, credential_kind, credential_id, credential_name, user_id, user_name, scope,
       minutes, reason, operation_id, granted_by, granted_by_name, started_at, ends_at)
     values ($1, $2, $3, 'api_key', $6, 'a key', $4, 'somebody', 'ai:execute', 60, 'a test', $5, $4, 'somebody',
       now(), now() + interval '1 hour')`,
    [id, world.server.installation.partnerId, organization, user, operation, key],
  )
  return id
}

/** Asked by a key that is gone: approved, it is refused. */
async function insertApproval(world: Harness, organization: string, device: string, user: string): Promise<string> {
  const [operation, key] = [randomUUID(), randomUUID()]
  const partner = world.server.installation.partnerId
  await world.sql(
    `insert into operations (id, partner_id, organization_ids, call_id, user_id, credential_kind, credential_id, channel, tool, tier,
       state, summary, input, input_digest, effect_digest, target_ids, policy_asked, policy_applied, created_at)
     values ($1, $2, array[$3::uuid], gen_random_uuid(), $4, 'api_key', $6, 'mcp', 'run_script', 3, 'awaiting_approval', 'Run a script.',
       '{}', ''::bytea, ''::bytea, array[$5::uuid], 'approver', 'approver', now())`,
    [operation, partner, organization, user, device, key],
  )
  const plan = {
    summary: 'Run a script.',
    blast_radius: { devices: 1, sites: 1, organizations: 1, servers: 0, names: [] },
    irreversible: [],
    warnings: [],
  }
  await world.sql(
    `insert into approvals (operation_id, partner_id, organization_ids, user_id, user_name, credential_kind, credential_id, credential_name,
       channel, permission, because, plan, input, requester_may_decide, requested_at, expires_at)
     values ($1, $2, array[$3::uuid], $4, 'somebody', 'api_key', $5, 'a key', 'mcp', 'scripts.execute', 'policy', $6, '', false, now(),
       now() + interval '1 day')`,
    [operation, partner, organization, user, key, JSON.stringify(plan)],
  )
  return operation
}

async function insertCompliance(
  world: Harness,
  ...[organization, site, device, user, prefix]: [string, string, string, string, string]
) {
  const [framework, waiver] = [randomUUID(), randomUUID()]
  await world.sql(
    `insert into compliance_frameworks (id, partner_id, organization_id, name, version, controls, updated_by, updated_at)
     values ($1, $2, $3, $4, 1, '[{"id": "1", "title": "One", "checks": []}]', $5, now())`,
    [framework, world.server.installation.partnerId, organization, `${prefix} Framework`, user],
  )
  await world.sql(
    `insert into compliance_waivers (id, organization_id, site_id, device_id, check_id, reason, created_by, created_at, until)
     values ($1, $2, $3, $4, 'firewall_on', $5, $6, now(), now() + interval '1 day')`,
    [waiver, organization, site, device, `${prefix} reason`, user],
  )
  await world.server.services.compliance.policies.refresh()
  return { framework, waiver }
}

/** Ids and names of nothing. */
export const absent = (): Things => ({
  organization: randomUUID(),
  site: randomUUID(),
  device: randomUUID(),
  alert: randomUUID(),
  rule: randomUUID(),
  operation: randomUUID(),
  approval: randomUUID(),
  elevation: randomUUID(),
  run: randomUUID(),
  key: randomUUID(),
  user: randomUUID(),
  enrollmentToken: randomUUID(),
  invitation: randomUUID(),
  grant: randomUUID(),
  client: randomUUID(),
  channel: randomUUID(),
  route: randomUUID(),
  window: randomUUID(),
  framework: randomUUID(),
  waiver: randomUUID(),
  patchRule: randomUUID(),
  check: randomUUID(),
  rollout: randomUUID(),
  isolation: randomUUID(),
  group: randomUUID(),
  customField: randomUUID(),
  script: randomUUID(),
})
