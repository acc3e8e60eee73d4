import type { ServiceItem } from '@breeze/contract/agent-inventory'
import { clip } from '../collectors/section.ts'
import { runProgram } from './run-program.ts'

const TIMEOUT_MS = 20_000
const MAX_BYTES = 8_000_000
const MOST_SERVICES = 5000
/** Units in one `systemctl show`: a command line has its limits. */
const BATCH = 200
const PROPERTIES = 'Id,Description,LoadState,ActiveState,SubState,UnitFileState,MainPID'
const UNIT = /^[A-Za-z0-9][A-Za-z0-9@:._\\-]{0,250}$/

/** Those in memory and those that only have a unit file. Templates and aliases are no services of their own. */
export async function systemdServices(): Promise<ServiceItem[]> {
  const [loaded, files] = await Promise.all([
    systemctl(['list-units', '--all', '--type=service']),
    systemctl(['list-unit-files', '--type=service']),
  ])
  const units = [...new Set([...parseUnits(loaded), ...parseUnitFiles(files)])].sort().slice(0, MOST_SERVICES)
  const services = new Map<string, ServiceItem>()
  for (let from = 0; from < units.length; from += BATCH) {
    const text = await systemctl(['show', `--property=${PROPERTIES}`, '--', ...units.slice(from, from + BATCH)])
    // Keyed, because several names may lead to one unit.
    for (const service of parseShow(text)) services.set(service.name, service)
  }
  return [...services.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** `name` with or without its `.service`. */
export async function systemdService(name: string): Promise<ServiceItem | undefined> {
  if (!UNIT.test(name)) return undefined
  const unit = name.endsWith('.service') ? name : `${name}.service`
  return parseShow(await systemctl(['show', `--property=${PROPERTIES}`, '--', unit]))[0]
}

async function systemctl(args: readonly string[]): Promise<string> {
  const bare = args[0] === 'show' ? [] : ['--no-legend', '--plain', '--full']
  const result = await runProgram('systemctl', ['--no-pager', ...bare, ...args], {
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_BYTES,
  })
  if (result.exitCode !== 0) throw new Error(`systemctl ${args[0]} failed: ${result.stderr.trim()}`)
  return result.stdout
}

/** `UNIT LOAD ACTIVE SUB DESCRIPTION`. What others refer to and does not exist is `not-found`. */
export function parseUnits(text: string): string[] {
  return rows(text)
    .filter(([, load]) => load !== 'not-found')
    .map(([unit]) => unit)
}

/** `UNIT-FILE STATE PRESET`; older systems have no third column. */
export function parseUnitFiles(text: string): string[] {
  return rows(text)
    .filter(([unit, state]) => state !== 'alias' && !unit.includes('@.'))
    .map(([unit]) => unit)
}

function rows(text: string): [string, string | undefined][] {
  return (
    text
      .split('\n')
      // Systems before 2016 mark failed units with a bullet also in a plain list.
      .map((line) =>
        line
          .trim()
          .replace(/^[*●○×↻]\s+/u, '')
          .split(/\s+/),
      )
      .flatMap(([unit, state]) => (unit?.endsWith('.service') ? [[unit, state] as [string, string | undefined]] : []))
  )
}

/** Blocks of `Key=value`, with an empty line between units. */
export function parseShow(text: string): ServiceItem[] {
  const services: ServiceItem[] = []
  for (const block of text.split(/\n\s*\n/)) {
    const values = new Map<string, string>()
    for (const line of block.split('\n')) {
      const at = line.indexOf('=')
      if (at > 0) values.set(line.slice(0, at), line.slice(at + 1))
    }
    const service = serviceOf(values)
    if (service) services.push(service)
  }
  return services
}

function serviceOf(values: ReadonlyMap<string, string>): ServiceItem | undefined {
  const id = values.get('Id')
  const load = values.get('LoadState')
  if (!id?.endsWith('.service') || load === 'not-found') return undefined
  const pid = Number(values.get('MainPID'))
  return {
    name: clip(id.slice(0, -'.service'.length), 256),
    displayName: clip(values.get('Description') ?? '', 300) || null,
    state: STATES[values.get('ActiveState') ?? ''] ?? 'unknown',
    start: load === 'masked' ? 'disabled' : (STARTS[values.get('UnitFileState') ?? ''] ?? 'unknown'),
    manager: 'systemd',
    pid: Number.isInteger(pid) && pid > 0 ? pid : null,
  }
}

/** `active (exited)` is a service that did its work and counts as up, as `systemctl is-active` says. */
const STATES: Readonly<Record<string, ServiceItem['state']>> = {
  active: 'running',
  reloading: 'running',
  refreshing: 'running',
  activating: 'starting',
  deactivating: 'stopping',
  inactive: 'stopped',
  failed: 'failed',
}

const STARTS: Readonly<Record<string, ServiceItem['start']>> = {
  enabled: 'automatic',
  'enabled-runtime': 'automatic',
  disabled: 'disabled',
  masked: 'disabled',
  'masked-runtime': 'disabled',
  // Only what it names in Also= can be enabled.
  indirect: 'disabled',
  static: 'static',
  linked: 'manual',
  'linked-runtime': 'manual',
  transient: 'manual',
}
