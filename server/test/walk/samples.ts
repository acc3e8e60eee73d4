/** One valid input per tool and action. A tool without one fails the walk: add its line here. */
import type { Tool } from '../../src/kernel/tool.ts'
import { actionSpecs, type ActionSpec } from '../../src/kernel/tool.ts'

/** Ids or names that inputs point at; a walk fills it with its own, with foreign or with absent ones. */
export interface Things {
  organization: string
  site: string
  device: string
  alert: string
  rule: string
  operation: string
  approval: string
  elevation: string
  run: string
  key: string
  user: string
  enrollmentToken: string
  invitation: string
  grant: string
  client: string
  channel: string
  route: string
  window: string
  framework: string
  waiver: string
  group: string
  customField: string
  script: string
  patchRule: string
  /** A rule that runs a script. */
  check: string
  /** The operation of one. */
  rollout: string
  isolation: string
}

type Input = Record<string, unknown>
type Table = Record<string, Input | Record<string, Input>>

const table = (at: Things): Table => ({
  whoami: {},
  manage_audit: { verify: { action: 'verify' }, disable: { action: 'disable' } },
  query_audit_log: { organization: at.organization, actor: at.user, credential: at.key },
  list_alert_rules: { organization: at.organization },
  manage_alert_rules: {
    create: {
      action: 'create',
      name: 'A new rule',
      organization: at.organization,
      source: 'reboot_pending',
      severity: 'low',
      condition: {},
      scope: { sites: at.site, devices: at.device },
    },
    update: { action: 'update', rule: at.rule, severity: 'low' },
    enable: { action: 'enable', rule: at.rule },
    disable: { action: 'disable', rule: at.rule },
    delete: { action: 'delete', rule: at.rule },
    restore: { action: 'restore', rule: 'clock_skewed' },
  },
  manage_script_checks: {
    create: {
      action: 'create',
      name: 'A new check',
      organization: at.organization,
      severity: 'low',
      content: 'exit 0',
      scope: { sites: at.site, devices: at.device },
    },
    update: { action: 'update', rule: at.check, interval_minutes: 15 },
    enable: { action: 'enable', rule: at.check },
  },
  fleet_health_check: { organization: at.organization, site: at.site },
  search: { query: 'a' },
  fetch: { id: `alert:${at.alert}` },
  get_alert: { alert: at.alert },
  get_alerts: { organization: at.organization, site: at.site, device: at.device },
  acknowledge_alerts: { ids: at.alert },
  resolve_alerts: { ids: [at.alert] },
  manage_alerts: {
    list: { action: 'list', organization: at.organization, device: at.device },
    acknowledge: { action: 'acknowledge', ids: at.alert },
    resolve: { action: 'resolve', ids: at.alert },
    escalate: { action: 'escalate', ids: [at.alert] },
    unacknowledge: { action: 'unacknowledge', ids: at.alert },
  },
  create_enrollment_token: { organization: at.organization, site: at.site },
  list_enrollment_tokens: { organization: at.organization },
  delete_enrollment_token: { token: at.enrollmentToken },
  device_actions: {
    lock: { action: 'lock', devices: at.device },
    wake: { action: 'wake', devices: at.device },
    reboot: { action: 'reboot', devices: at.device },
    shutdown: { action: 'shutdown', devices: [at.device] },
    isolate: { action: 'isolate', devices: at.device, release_after_seconds: 3600 },
    release: { action: 'release', devices: at.device },
    wipe: { action: 'wipe', devices: at.device },
    uninstall_agent: { action: 'uninstall_agent', devices: at.device },
  },
  device_files: {
    list: { action: 'list', device: at.device, path: '/etc' },
    read: { action: 'read', device: at.device, path: '/etc/hostname' },
    put: { action: 'put', device: at.device, path: '/tmp/note', content: 'a note' },
    delete: { action: 'delete', device: at.device, path: '/tmp/note' },
  },
  execute_command: { device: at.device, command: 'uptime' },
  get_device_details: { device: at.device },
  get_metrics: { devices: at.device },
  get_event_logs: { device: at.device },
  list_services: { device: at.device },
  manage_services: {
    start: { action: 'start', device: at.device, service: 'cron' },
    stop: { action: 'stop', device: at.device, service: 'cron' },
    restart: { action: 'restart', device: at.device, service: 'cron' },
  },
  manage_devices: {
    approve: { action: 'approve', devices: at.device },
    reject: { action: 'reject', devices: at.device },
    release: { action: 'release', devices: [at.device] },
    rename: { action: 'rename', devices: at.device, name: 'Another name' },
    remove: { action: 'remove', devices: at.device },
  },
  set_device_role: { devices: at.device, role: 'database' },
  import_warranties: { source: 'a list', rows: [{ device: at.device, ends_on: '2028-05-31' }] },
  list_devices: { organization: at.organization, site: at.site },
  import_lifecycle: { file: 'none.json' },
  import_vulnerabilities: { file: 'none.json' },
  list_vulnerability_imports: {},
  get_patch_status: { organization: at.organization, site: at.site },
  deploy_patches: { devices: at.device, when: 'now', rings: [{ devices: at.device }] },
  list_patch_rules: {},
  manage_patch_rules: {
    create: {
      action: 'create',
      organization: at.organization,
      name: 'A new rule',
      decision: 'block',
      match: { names: ['bad*'] },
    },
    update: { action: 'update', rule: at.patchRule, delay_days: 3 },
    delete: { action: 'delete', rule: at.patchRule },
  },
  list_rollouts: {},
  control_rollout: {
    pause: { action: 'pause', operation: at.rollout },
    resume: { action: 'resume', operation: at.rollout },
    roll_back: { action: 'roll_back', operation: at.isolation },
  },
  list_groups: { organization: at.organization },
  manage_groups: {
    create: { action: 'create', organization: at.organization, name: 'A new group' },
    update: { action: 'update', group: at.group, name: 'Another name' },
    delete: { action: 'delete', group: at.group },
    add: { action: 'add', group: at.group, devices: at.device },
    remove: { action: 'remove', group: at.group, devices: at.device },
  },
  tag_devices: { devices: at.device, add: ['a tag'] },
  manage_custom_fields: {
    list: { action: 'list' },
    create: { action: 'create', organization: at.organization, name: 'A new field', type: 'text' },
    update: { action: 'update', field: at.customField, name: 'Another name' },
    delete: { action: 'delete', field: at.customField },
    set: { action: 'set', field: at.customField, devices: at.device, value: 'a value' },
  },
  cancel_operation: { operation: at.operation },
  request_elevation: { scope: 'ai:execute', organization: at.organization, reason: 'a test' },
  list_elevations: { organization: at.organization },
  end_elevation: { elevation: at.elevation },
  list_approvals: { approval: at.approval },
  decide_approval: {
    approve: { approval: at.approval, decision: 'approve' },
    deny: { approval: at.approval, decision: 'deny', reason: 'a test' },
    report: { approval: at.approval, decision: 'report', reason: 'a test' },
  },
  get_operation: { operation: at.operation },
  preview_action: { tool: 'run_script', input: { devices: at.device, content: 'true' } },
  create_organization: { name: 'A new customer' },
  create_site: { organization: at.organization, name: 'A new site' },
  get_risk_engine: { organization: at.organization, credential: at.key },
  list_organizations: {},
  list_sites: { organization: at.organization },
  manage_organization: { delete: { action: 'delete', organization: at.organization } },
  update_organization: { organization: at.organization, approval_limit: 5 },
  get_script_results: { run: at.run },
  update_agents: { devices: at.device, rings: [{ devices: at.device }] },
  run_script: { devices: at.device, content: 'true' },
  list_scripts: { script: at.script },
  save_script: { script: at.script, content: 'false' },
  archive_script: { script: at.script },
  change_own_rights: { scopes: ['ai:execute'] },
  create_api_key: { name: 'A new key', scopes: ['ai:read'], organizations: at.organization },
  invite_user: { email: 'invited@example.test', role: 'viewer', organizations: at.organization },
  list_invitations: { organization: at.organization },
  revoke_invitation: { invitation: at.invitation },
  list_sessions: { user: at.user },
  revoke_sessions: { user: at.user },
  create_reset_link: { user: at.user },
  create_user: { email: 'new@example.test', role: 'viewer', organizations: at.organization },
  delete_api_key: { key: at.key },
  emergency_stop: {
    stop: { action: 'stop', organization: at.organization, reason: 'a walk' },
    lift: { action: 'lift', organization: at.organization },
    status: { action: 'status' },
  },
  export_secrets: {},
  list_api_keys: { organization: at.organization },
  list_confirmation_policies: { organization: at.organization },
  list_roles: {},
  list_users: { organization: at.organization },
  list_grants: { organization: at.organization, client: at.client },
  list_clients: {},
  revoke_grant: { grant: at.grant },
  block_client: {
    block: { action: 'block', client: at.client, reason: 'a walk' },
    unblock: { action: 'unblock', client: at.client },
  },
  rotate_api_key: { key: at.key },
  rotate_signing_key: {},
  manage_agent_settings: {
    get: { action: 'get', organization: at.organization },
    set: { action: 'set', organization: at.organization, heartbeat_seconds: 30 },
  },
  list_notification_channels: {},
  manage_notification_channels: {
    create: {
      action: 'create',
      name: 'A new channel',
      organization: at.organization,
      kind: 'slack',
      webhook_url: 'https://hooks.example.test/x',
    },
    update: { action: 'update', channel: at.channel, enabled: false },
    delete: { action: 'delete', channel: at.channel },
    test: { action: 'test', channel: at.channel },
  },
  list_notification_routes: {},
  manage_notification_routes: {
    create: { action: 'create', name: 'A new route', organization: at.organization, channel: at.channel },
    update: { action: 'update', route: at.route, enabled: false },
    delete: { action: 'delete', route: at.route },
  },
  list_notifications: { organization: at.organization },
  list_maintenance_windows: {},
  manage_maintenance_windows: {
    create: {
      action: 'create',
      name: 'A new window',
      organization: at.organization,
      recurrence: { kind: 'weekly', days: ['sunday'], time: '02:00' },
      time_zone: 'Europe/Berlin',
      duration_minutes: 120,
    },
    update: { action: 'update', window: at.window, enabled: false },
    delete: { action: 'delete', window: at.window },
  },
  compliance_summary: { organization: at.organization, site: at.site },
  get_compliance_history: { organization: at.organization },
  list_check_results: { device: at.device, check: 'firewall_on' },
  list_frameworks: {},
  list_waivers: { organization: at.organization },
  manage_compliance_settings: {
    get: { action: 'get', organization: at.organization },
    set: { action: 'set', organization: at.organization, dormant_days: 30 },
  },
  manage_frameworks: {
    create: {
      action: 'create',
      name: 'A framework',
      organization: at.organization,
      controls: [{ id: '1', title: 'One', checks: [] }],
    },
    update: { action: 'update', framework: at.framework, name: 'Another name' },
    delete: { action: 'delete', framework: at.framework },
  },
  manage_waivers: {
    add: {
      action: 'add',
      check: 'firewall_on',
      device: at.device,
      reason: 'a walk',
      until: new Date(Date.now() + 86_400_000).toISOString(),
    },
    end: { action: 'end', waiver: at.waiver },
  },
  set_confirmation_policy: { policy: 'preview', organization: at.organization },
  update_api_key: { key: at.key, name: 'Another name' },
  update_user: {
    disable: { action: 'disable', user: at.user },
    enable: { action: 'enable', user: at.user },
    set_roles: { action: 'set_roles', user: at.user, roles: [{ role: 'viewer', organizations: at.organization }] },
    reset_password: { action: 'reset_password', user: at.user },
  },
})

/** Where the table and the registry differ, either way. */
export function missingSamples(tools: readonly Tool[], at: Things): string[] {
  const known = table(at)
  return tools.flatMap((tool) => {
    const sample = known[tool.name]
    if (!sample) return [tool.name]
    if (!('each' in tool.actions)) return []
    return Object.keys(tool.actions.each).flatMap((name) => (name in sample ? [] : [`${tool.name} ${name}`]))
  })
}

export interface Step {
  tool: Tool
  action: ActionSpec & { name: string | null }
  /** "device_actions reboot". */
  title: string
  input: Input
}

/** Every tool and action with its valid input. */
export function steps(tools: readonly Tool[], at: Things): Step[] {
  const known = table(at)
  return tools.flatMap((tool) =>
    actionSpecs(tool.actions).map((action) => {
      const sample = known[tool.name] ?? {}
      // The table's two shapes: by action where the tool has several, else the input itself.
      const input = (action.name === null ? sample : sample[action.name]) as Input
      return { tool, action, title: [tool.name, action.name].filter(Boolean).join(' '), input }
    }),
  )
}
