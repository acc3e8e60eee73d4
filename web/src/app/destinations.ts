/**
 * Where one can go: the rail, the settings' own navigation and the palette list the same. What has no page is not here.
 */
import { MonitorSmartphone, type LucideIcon } from 'lucide-react'
import type { Session } from './session.ts'

export interface Destination {
  path: string
  label: string
  icon?: LucideIcon
  /** Words that find it in the palette besides its label. */
  keywords?: string
  /** Left out for those who may not see it at all. */
  shown?: (session: Session) => boolean
}

export const DESTINATIONS: readonly Destination[] = [{ path: '/devices', label: 'Devices', icon: MonitorSmartphone }]

export interface SettingsGroup {
  label: string
  pages: readonly Destination[]
}

/** Groups of the settings, in the order of their navigation. */
export const SETTINGS: readonly SettingsGroup[] = []

export const reachable = (pages: readonly Destination[], session: Session): Destination[] =>
  pages.filter(({ shown }) => shown === undefined || shown(session))
