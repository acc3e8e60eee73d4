/** What follows from a section of a device's inventory: instances for which a rule is fulfilled, or that it can't be seen. */
import type { SectionName } from '@breeze/contract/agent-inventory'
import type { WatchedDevice } from '../../../devices/watched-devices.ts'
import type { OsFacts } from '../../../lifecycle/match.ts'
import type { LifecycleAnswer } from '../../../lifecycle/service.ts'
import type { Rule, RuleOf } from '../../rule-rows.ts'
import type { BaselineKind, Severity } from '../../tables.ts'
import type { Book } from '../book.ts'
import { over, there, type Description, type Place } from '../observation.ts'
import { expiringCertificates } from './certificates.ts'
import { endOfSupport } from './os-support.ts'
import { failedPatches } from './patches.ts'
import { pendingReboot } from './reboot.ts'
import { stoppedServices } from './services.ts'
import { newAdministrators } from './users.ts'

export interface Finding {
  severity: Severity
  /** When it began, where the fact itself says so: milliseconds. */
  since?: number
  value?: number | null
  describe(): Description
}

export interface Findings {
  found: ReadonlyMap<string, Finding>
  /** Instances of which nothing can be said now: they stay as they were. */
  unknown?: ReadonlySet<string>
  /** What is usual on the device from now on, where that has changed. */
  baseline?: readonly string[]
}

export interface FactContext {
  device: WatchedDevice
  at: number
  /** What is usual; null where nothing was known yet. */
  baseline: ReadonlySet<string> | null
  supportOf: SupportOf
}

/** What a table of releases says of a system. */
export type SupportOf = (os: OsFacts) => LifecycleAnswer

interface FactSource<S extends FactSignal> {
  section: SectionName
  baseline?: BaselineKind
  /** Null: the content can't be read. */
  find(rule: RuleOf<S>, data: unknown, context: FactContext): Findings | null
}

export const FACT_SIGNALS = [
  'service_stopped',
  'reboot_pending',
  'certificate_expiring',
  'new_local_admin',
  'patch_failed',
  'os_support',
] as const
export type FactSignal = (typeof FACT_SIGNALS)[number]
export const isFactSignal = (signal: string): signal is FactSignal => FACT_SIGNALS.some((one) => one === signal)

export const FACT_SOURCES: { [S in FactSignal]: FactSource<S> } = {
  service_stopped: { section: 'services', baseline: 'services', find: stoppedServices },
  reboot_pending: { section: 'posture', find: pendingReboot },
  certificate_expiring: { section: 'certificates', find: expiringCertificates },
  new_local_admin: { section: 'users', baseline: 'administrators', find: newAdministrators },
  patch_failed: { section: 'update_history', find: failedPatches },
  os_support: { section: 'os', find: endOfSupport },
}

/** Tells the book what a rule found on a device; what it no longer finds is over. */
export function settle(book: Book, rule: Rule, place: Place, at: number, findings: Findings | null): void {
  for (const watched of book.byRule(place, rule.id)) {
    // A device's clock may lag behind ours: what it tells is later than what is known all the same.
    const then = Math.max(at, watched.observedAt)
    if (findings === null) book.change(watched, then, () => watched.silence(then))
    else if (!findings.found.has(watched.instance) && !findings.unknown?.has(watched.instance))
      book.change(watched, then, () => watched.observe(over(then)))
  }
  for (const [instance, { severity, describe, value, since = at }] of findings?.found ?? []) {
    const known = book.find(rule, place, instance)
    const then = known ? Math.max(at, known.observedAt) : Math.min(at, since)
    book.observe(rule, place, instance, there(then, severity, describe, value ?? null))
  }
}
