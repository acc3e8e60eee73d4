import { servicesSection, type ServiceItem } from '@breeze/contract/agent-inventory'
import type { RuleOf } from '../../rule-rows.ts'
import { type Condition, matcher } from '../../rules.ts'
import { instanceName, named, words } from '../describe.ts'
import type { FactContext, Finding, Findings } from './facts.ts'

const data = servicesSection.shape.data
const MOST_NAMES = 1000
const never = (): boolean => false

interface Wanted {
  isWatched(name: string): boolean
  /** Alarms even if it was never seen running. */
  isNamed(name: string): boolean
  isCritical(name: string): boolean
}
const made = new WeakMap<Condition<'service_stopped'>, Wanted>()

/** What stopped, of the services that come up with the system and were seen running, or that the rule names. */
export function stoppedServices(
  rule: RuleOf<'service_stopped'>,
  content: unknown,
  { baseline }: FactContext,
): Findings | null {
  const services = data.safeParse(content).data
  if (!services) return null
  const wanted = wantedBy(rule.condition)
  const found = new Map<string, Finding>()
  const unknown = new Set<string>()
  for (const service of services) {
    const instance = instanceName(service.name)
    if (!wanted.isWatched(service.name) || service.start !== 'automatic') continue
    if (service.state === 'stopped' || service.state === 'failed') {
      const isExpected = wanted.isNamed(service.name) || service.state === 'failed' || baseline?.has(instance) === true
      if (isExpected) found.set(instance, findingOf(rule, service, instance, wanted.isCritical(service.name)))
    } else if (service.state !== 'running') unknown.add(instance)
  }
  return { found, unknown, ...grown(baseline, services) }
}

function findingOf(
  rule: RuleOf<'service_stopped'>,
  service: ServiceItem,
  instance: string,
  isCritical: boolean,
): Finding {
  return {
    severity: isCritical ? 'critical' : rule.severity,
    describe: () => ({
      title: `Service ${named(instance, 'of unusual name')} ${service.state === 'failed' ? 'failed' : 'stopped'}`,
      detail: {
        value: service.state,
        threshold: 'running',
        device_text: { service: words(service.name), display_name: words(service.displayName ?? service.name) },
      },
    }),
  }
}

function grown(baseline: ReadonlySet<string> | null, services: readonly ServiceItem[]): Pick<Findings, 'baseline'> {
  const running = services
    .filter(({ start, state }) => start === 'automatic' && state === 'running')
    .map(({ name }) => instanceName(name))
  if (baseline && running.every((name) => baseline.has(name))) return {}
  return { baseline: [...new Set([...(baseline ?? []), ...running])].slice(-MOST_NAMES) }
}

function wantedBy(condition: Condition<'service_stopped'>): Wanted {
  const known = made.get(condition)
  if (known) return known
  const { services, except, critical } = condition
  const isListed = services ? matcher(services) : never
  const isExcepted = except ? matcher(except) : never
  const isCritical = critical ? matcher(critical) : never
  const wanted: Wanted = {
    isWatched: (name) => isCritical(name) || ((services === undefined || isListed(name)) && !isExcepted(name)),
    isNamed: (name) => isCritical(name) || isListed(name),
    isCritical,
  }
  made.set(condition, wanted)
  return wanted
}
