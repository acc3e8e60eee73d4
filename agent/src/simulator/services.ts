import type { ServiceItem } from '@breeze/contract/agent-inventory'
import type { Facts } from './facts.ts'

interface Known {
  name: string
  display: string
  /** Whether only machines with such a name run it. */
  on?: RegExp
  start?: ServiceItem['start']
}

const WINDOWS: readonly Known[] = [
  { name: 'BITS', display: 'Background Intelligent Transfer Service', start: 'manual' },
  { name: 'Dnscache', display: 'DNS Client' },
  { name: 'EventLog', display: 'Windows Event Log' },
  { name: 'LanmanServer', display: 'Server' },
  { name: 'LanmanWorkstation', display: 'Workstation' },
  { name: 'MSSQLSERVER', display: 'SQL Server (MSSQLSERVER)', on: /-SQL-/ },
  { name: 'NTDS', display: 'Active Directory Domain Services', on: /-DC-/ },
  { name: 'Schedule', display: 'Task Scheduler' },
  { name: 'Spooler', display: 'Print Spooler' },
  { name: 'TermService', display: 'Remote Desktop Services' },
  { name: 'vmms', display: 'Hyper-V Virtual Machine Management', on: /-HV-/ },
  { name: 'W32Time', display: 'Windows Time' },
  { name: 'WinDefend', display: 'Microsoft Defender Antivirus Service' },
  { name: 'WinRM', display: 'Windows Remote Management (WS-Management)' },
  { name: 'wuauserv', display: 'Windows Update', start: 'manual' },
]
const LINUX: readonly Known[] = [
  { name: 'apache2', display: 'The Apache HTTP Server', on: /-WEB-/ },
  { name: 'cron', display: 'Regular background program processing daemon' },
  { name: 'dbus', display: 'D-Bus System Message Bus', start: 'static' },
  { name: 'mysql', display: 'MySQL Community Server', on: /-DB-/ },
  { name: 'nfs-server', display: 'NFS server and services', on: /-NAS-/ },
  { name: 'rsyslog', display: 'System Logging Service' },
  { name: 'ssh', display: 'OpenBSD Secure Shell server' },
  { name: 'systemd-journald', display: 'Journal Service', start: 'static' },
  { name: 'systemd-resolved', display: 'Network Name Resolution' },
  { name: 'systemd-timesyncd', display: 'Network Time Synchronization' },
  { name: 'unattended-upgrades', display: 'Unattended Upgrades Shutdown' },
]
const MACOS: readonly Known[] = [
  { name: 'com.apple.backupd', display: 'com.apple.backupd' },
  { name: 'com.apple.mDNSResponder', display: 'com.apple.mDNSResponder' },
  { name: 'com.apple.timed', display: 'com.apple.timed' },
  { name: 'com.openssh.sshd', display: 'com.openssh.sshd', start: 'manual' },
]
const ALL = { windows: WINDOWS, linux: LINUX, macos: MACOS } as const
const MANAGERS = { windows: 'windows', linux: 'systemd', macos: 'launchd' } as const

export type ServiceState = 'running' | 'stopped'
/** What is not as it is after a boot. */
export type ServiceStates = ReadonlyMap<string, ServiceState>

export function servicesOf({ system, hostname }: Facts, states: ServiceStates): ServiceItem[] {
  const manager = MANAGERS[system.family]
  const here = ALL[system.family].filter(({ on }) => on === undefined || on.test(hostname))
  return here.map(({ name, display, start = 'automatic' }, index) => {
    const state = states.get(name) ?? (start === 'manual' ? 'stopped' : 'running')
    return { name, displayName: display, state, start, manager, pid: state === 'running' ? 700 + 12 * index : null }
  })
}
