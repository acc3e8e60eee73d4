/**
 * Where one can go: the rail, the settings' own navigation and the palette list the same. What has no page is not here.
 */
import {
  Bell,
  CheckCheck,
  Layers,
  LayoutDashboard,
  MonitorSmartphone,
  PackageCheck,
  SquareTerminal,
  type LucideIcon,
} from 'lucide-react'
import type { Session } from './session.ts'

export interface Destination {
  path: string
  label: string
  icon?: LucideIcon
  /** Words that find it in the palette besides its label. */
  keywords?: string
  /** Left out for those who may not see it at all. */
  shown?: (session: Session) => boolean
  /** What the rail counts beside it. */
  count?: 'alerts'
}

/** Those without the permission would only be told that they lack it. */
const may =
  (permission: string) =>
  (session: Session): boolean =>
    session.permissions.includes(permission)

export const DESTINATIONS: readonly Destination[] = [
  {
    path: '/overview',
    label: 'Overview',
    icon: LayoutDashboard,
    keywords: 'dashboard health',
    shown: may('devices.read'),
  },
  { path: '/devices', label: 'Devices', icon: MonitorSmartphone },
  {
    path: '/alerts',
    label: 'Alerts',
    icon: Bell,
    keywords: 'monitoring problems',
    shown: may('alerts.read'),
    count: 'alerts',
  },
  {
    path: '/patches',
    label: 'Patches',
    icon: PackageCheck,
    keywords: 'updates compliance deploy rules kb',
    shown: may('patches.read'),
  },
  {
    path: '/scripts',
    label: 'Scripts',
    icon: SquareTerminal,
    keywords: 'library run bash powershell',
    shown: may('scripts.read'),
  },
  {
    path: '/rollouts',
    label: 'Rollouts',
    icon: Layers,
    keywords: 'deployments stages pause resume',
    shown: may('operations.read'),
  },
  { path: '/approvals', label: 'Approvals', icon: CheckCheck, keywords: 'decide held', shown: may('operations.read') },
]

export interface SettingsGroup {
  label: string
  pages: readonly Destination[]
}

/** Groups of the settings, in the order of their navigation. */
export const SETTINGS: readonly SettingsGroup[] = [
  {
    label: 'AI access',
    pages: [
      { path: '/settings/mcp-server', label: 'MCP Server', keywords: 'connect claude chatgpt cursor server url oauth' },
      {
        path: '/settings/connected-clients',
        label: 'Connected clients',
        keywords: 'oauth grants revoke assistants',
        shown: may('keys.read'),
      },
      { path: '/settings/api-keys', label: 'API Keys', keywords: 'create new key token', shown: may('keys.read') },
      {
        path: '/settings/risk-engine',
        label: 'Risk Engine',
        keywords: 'tiers tools policy confirmation limits denied throttled allow-list',
        shown: may('governance.read'),
      },
    ],
  },
  {
    label: 'People',
    pages: [
      { path: '/settings/users', label: 'Users & roles', keywords: 'people service', shown: may('users.read') },
      { path: '/settings/invitations', label: 'Invitations', keywords: 'invite people', shown: may('users.read') },
    ],
  },
  {
    label: 'Fleet',
    pages: [
      {
        path: '/settings/organizations',
        label: 'Organizations & sites',
        keywords: 'customers tenants locations',
        shown: may('organizations.read'),
      },
      {
        path: '/settings/enrollment',
        label: 'Enrollment tokens',
        keywords: 'install agent approve devices',
        shown: may('enrollment.write'),
      },
    ],
  },
  { label: 'Your account', pages: [{ path: '/account', label: 'My account', keywords: 'password passkey sessions' }] },
]

export const reachable = (pages: readonly Destination[], session: Session): Destination[] =>
  pages.filter(({ shown }) => shown === undefined || shown(session))
