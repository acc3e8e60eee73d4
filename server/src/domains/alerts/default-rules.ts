/** The rules that every partner begins with. They are rows like any other: a changed one stays as it is, a deleted one away. */
import { SERVER_LIKE } from '../devices/scope.ts'
import type { DeviceScope } from '../devices/scope.ts'
import type { Condition, Signal } from './rules.ts'
import type { Severity } from './tables.ts'

interface Shared {
  /** Names it for ever: a partner gets each of these once. */
  builtIn: string
  name: string
  severity: Severity
  scope?: DeviceScope
  fireAfterSeconds?: number
  /** 300 where nothing is said. */
  clearAfterSeconds?: number
  autoResolve?: boolean
}
export type DefaultRule = { [S in Signal]: Shared & { signal: S; condition: Condition<S> } }[Signal]

const MINUTE = 60
const DAY = 86_400

const servers: DeviceScope = { roles: [...SERVER_LIKE] }
const others: DeviceScope = { roles: ['workstation', 'unknown'] }

const diskLevels = {
  critical: { severity: 'critical', fire: 95, clear: 92 },
  high: { severity: 'high', fire: 90, clear: 87 },
  low: { severity: 'low', fire: 80, clear: 77, label: 'Disk clean-up recommended' },
} as const

/** Without one of these a domain or a line of business stands still. */
const VITAL_SERVICES = [
  'MSSQLSERVER',
  'MSSQL$*',
  'MySQL*',
  'MariaDB*',
  'mysqld',
  'postgresql*',
  'OracleService*',
  'mongod*',
  'NTDS',
  'DNS',
  'Netlogon',
  'Kdc',
  'ADWS',
  'DFSR',
  'samba-ad-dc',
  'vmms',
  'MSExchangeIS',
  'MSExchangeTransport',
]

/** They stop by themselves once their work is done, although they start with the system. */
const PASSING_SERVICES = [
  'BITS',
  'CDPSvc',
  'CDPUserSvc*',
  'clr_optimization*',
  'dbupdate*',
  'e2scrub_reap*',
  'edgeupdate*',
  'gpsvc',
  'grub-common*',
  'gupdate*',
  'GoogleUpdater*',
  'MapsBroker',
  'MozillaMaintenance*',
  'OneSyncSvc*',
  'RemoteRegistry',
  'ShellHWDetection',
  'sppsvc',
  'stisvc',
  'systemd-*',
  'tiledatamodelsvc',
  'TrustedInstaller',
  'ua-*',
  'WbioSrvc',
  'wuauserv',
]

export const DEFAULT_RULES: readonly DefaultRule[] = [
  {
    builtIn: 'disk_servers',
    name: 'Disk space on servers',
    signal: 'metric',
    condition: { metric: 'disk', levels: [diskLevels.critical, diskLevels.high, diskLevels.low] },
    severity: 'critical',
    scope: servers,
  },
  {
    builtIn: 'disk_others',
    name: 'Disk space on workstations',
    signal: 'metric',
    condition: { metric: 'disk', levels: [diskLevels.high, diskLevels.low] },
    severity: 'high',
    scope: others,
  },
  {
    builtIn: 'disk_forecast',
    name: 'Disk will be full soon',
    signal: 'disk_forecast',
    condition: {
      levels: [
        { severity: 'medium', days: 7 },
        { severity: 'low', days: 30 },
      ],
      history_days: 14,
    },
    severity: 'medium',
    // A trend that is over for an afternoon may go on tomorrow.
    clearAfterSeconds: DAY,
  },
  {
    builtIn: 'cpu',
    name: 'Processor busy for long',
    signal: 'metric',
    condition: { metric: 'cpu', levels: [{ severity: 'high', fire: 90, clear: 75 }] },
    severity: 'high',
    fireAfterSeconds: 10 * MINUTE,
  },
  {
    builtIn: 'memory',
    name: 'Memory full for long',
    signal: 'metric',
    condition: { metric: 'memory', levels: [{ severity: 'high', fire: 90, clear: 75 }] },
    severity: 'high',
    fireAfterSeconds: 10 * MINUTE,
  },
  {
    builtIn: 'services_servers',
    name: 'Service stopped on a server',
    signal: 'service_stopped',
    condition: { except: PASSING_SERVICES, critical: VITAL_SERVICES },
    severity: 'high',
    scope: servers,
    // A restart is not an outage.
    fireAfterSeconds: MINUTE,
  },
  {
    builtIn: 'server_offline',
    name: 'Server offline',
    signal: 'device_offline',
    condition: {},
    severity: 'critical',
    scope: servers,
    fireAfterSeconds: 5 * MINUTE,
  },
  {
    builtIn: 'workstation_stale',
    name: 'Workstation not seen for a week',
    signal: 'device_offline',
    condition: {},
    severity: 'info',
    scope: others,
    fireAfterSeconds: 7 * DAY,
    clearAfterSeconds: 0,
  },
  {
    builtIn: 'site_offline',
    name: 'Site offline',
    signal: 'site_offline',
    condition: { share: 0.5, least: 3, within_seconds: 120 },
    severity: 'critical',
  },
  {
    builtIn: 'burst',
    name: 'Many alerts of one rule at once',
    signal: 'burst',
    condition: { alerts_per_minute: 20 },
    severity: 'high',
  },
  {
    builtIn: 'patch_failed',
    name: 'Patch deployment failed',
    signal: 'patch_failed',
    condition: { within_days: 14 },
    severity: 'high',
    clearAfterSeconds: 0,
  },
  {
    builtIn: 'reboot_pending',
    name: 'Reboot pending for a week',
    signal: 'reboot_pending',
    condition: {},
    severity: 'low',
    fireAfterSeconds: 7 * DAY,
    clearAfterSeconds: 0,
  },
  {
    builtIn: 'vulnerability',
    name: 'Serious vulnerability that an update repairs',
    signal: 'vulnerability',
    // Not every source says critical: Debian's own tracker ends at high.
    condition: { least: 'high', fixable_only: true },
    severity: 'medium',
    clearAfterSeconds: 0,
  },
  {
    builtIn: 'certificates',
    name: 'Certificate expires',
    signal: 'certificate_expiring',
    condition: {
      levels: [
        { severity: 'high', days: 7 },
        { severity: 'medium', days: 30 },
        { severity: 'low', days: 60 },
      ],
      expired_days: 30,
    },
    severity: 'high',
    clearAfterSeconds: 0,
  },
  {
    builtIn: 'failed_sign_ins',
    name: 'Many failed sign-ins',
    signal: 'failed_sign_ins',
    condition: { count: 10, within_minutes: 10 },
    severity: 'medium',
    clearAfterSeconds: 3600,
  },
  {
    builtIn: 'new_local_admin',
    name: 'New local administrator',
    signal: 'new_local_admin',
    condition: {},
    severity: 'medium',
    clearAfterSeconds: 0,
  },
  {
    builtIn: 'clock_skewed',
    name: 'Clock wrong by more than five minutes',
    signal: 'clock_skewed',
    condition: { seconds: 300 },
    severity: 'low',
    fireAfterSeconds: 5 * MINUTE,
  },
  {
    builtIn: 'directory_replication',
    name: 'Active Directory replication failing',
    signal: 'event_log',
    condition: {
      log: 'Directory Service',
      program: 'NTDS Replication',
      text: 'failed',
      min_level: 'error',
      count: 3,
      within_minutes: 60,
    },
    severity: 'critical',
    scope: { roles: ['domain_controller'] },
    clearAfterSeconds: 2 * 3600,
  },
  {
    builtIn: 'directory_names',
    name: 'DNS resolution failing on a domain controller',
    signal: 'event_log',
    condition: {
      log: 'DNS Server',
      program: 'Microsoft-Windows-DNS-Server-Service',
      min_level: 'error',
      count: 3,
      within_minutes: 60,
    },
    severity: 'critical',
    scope: { roles: ['domain_controller'] },
    clearAfterSeconds: 2 * 3600,
  },
  {
    builtIn: 'unexpected_restart',
    name: 'Restarted without shutting down',
    signal: 'event_log',
    condition: {
      log: 'System',
      program: 'Microsoft-Windows-Kernel-Power',
      text: 'without cleanly shutting down',
      count: 1,
      within_minutes: 10,
    },
    severity: 'medium',
    scope: { platforms: ['windows'] },
    clearAfterSeconds: DAY,
  },
  {
    builtIn: 'disk_errors_windows',
    name: 'Disk reports errors (Windows)',
    signal: 'event_log',
    condition: { log: 'System', program: 'disk', min_level: 'error', count: 1, within_minutes: 10 },
    severity: 'medium',
    scope: { platforms: ['windows'] },
    clearAfterSeconds: DAY,
  },
  {
    builtIn: 'disk_errors_linux',
    name: 'Disk reports errors (Linux)',
    signal: 'event_log',
    condition: { program: 'kernel', text: 'I/O error', count: 1, within_minutes: 10 },
    severity: 'medium',
    scope: { platforms: ['linux'] },
    clearAfterSeconds: DAY,
  },
]
