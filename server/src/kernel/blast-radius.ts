/** GOV-7: what a call would touch, told from its resolved targets and the tool's own account of the effect. */
import type { Effect, Plan, Target } from './tool.ts'

const NAMED = 20

export function describePlan(effect: Effect, targets: readonly Target[]): Plan {
  const devices = targets.filter((target) => target.kind === 'device')
  const caveats = targets.flatMap((target) => (target.caveat ? [`${target.name}: ${target.caveat}`] : []))
  const more = caveats.length - NAMED
  return {
    summary: effect.summary,
    blast_radius: {
      devices: devices.length,
      sites: new Set(devices.map((device) => device.siteId)).size,
      organizations: organizationsOf(targets).length,
      servers: devices.filter((device) => device.critical !== undefined).length,
      names: targets.slice(0, NAMED).map((target) => target.name),
    },
    irreversible: effect.irreversible,
    warnings: [
      ...(effect.warnings ?? []),
      ...caveats.slice(0, NAMED),
      ...(more > 0 ? [`and ${more} more with a caveat`] : []),
    ],
  }
}

export function organizationsOf(targets: readonly Target[]): string[] {
  const ids = new Set<string>()
  for (const target of targets) if (target.organizationId !== null) ids.add(target.organizationId)
  return [...ids].sort()
}

export function sitesOf(targets: readonly Target[]): string[] {
  const ids = new Set<string>()
  for (const target of targets) if (target.siteId !== null) ids.add(target.siteId)
  return [...ids].sort()
}

/** The plan as a sentence or two, for a person who has to decide. */
export function planText(plan: Plan): string {
  const radius = plan.blast_radius
  const lines = [plan.summary]
  if (radius.devices > 0) {
    const shown = radius.names.join(', ')
    const rest = radius.devices - radius.names.length
    const critical = radius.servers > 0 ? `, ${radius.servers} of them servers or domain controllers` : ''
    lines.push(
      `Touches ${count(radius.devices, 'device')}${critical}, at ${count(radius.sites, 'site')} of ${count(radius.organizations, 'organization')}: ${shown}${rest > 0 ? ` and ${rest} more` : ''}.`,
    )
  }
  if (plan.irreversible.length > 0) lines.push(`Can't be undone: ${plan.irreversible.join(' ')}`)
  if (plan.warnings.length > 0) lines.push(`Note: ${plan.warnings.join('; ')}.`)
  return lines.join('\n')
}

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`
