import type { CommandArgs } from '@breeze/contract/agent-commands'
import type { ServiceItem } from '@breeze/contract/agent-inventory'
import { readTextIfPresent } from './linux.ts'
import { readService, serviceManager } from './linux-services.ts'
import { runProgram } from './run-program.ts'
import { windowsServiceControl } from './windows/service-control.ts'

export type ServiceAction = CommandArgs<'service.control'>['action']

export interface ServiceControl {
  /** What is asked, for a result's `source`. */
  source: string
  /** Undefined where there is no such service. */
  read(name: string): Promise<ServiceItem | undefined>
  /** The manager's own words where it refused; undefined where it did not. `service` is one that `read` gave. */
  act(service: ServiceItem, action: ServiceAction, timeoutMs: number): Promise<string | undefined>
  /** The service that this agent itself runs as; it would not live to tell what became of it. */
  own(): Promise<string | undefined>
}

/** A text says why this device's services can't be controlled. */
export async function serviceControl(): Promise<ServiceControl | string> {
  if (process.platform === 'win32') return windowsServiceControl
  if (process.platform !== 'linux') return `services are not controlled by this agent on ${process.platform} yet`
  if (process.getuid?.() !== 0) return 'control of services needs the agent to run as root'
  const manager = await serviceManager()
  if (manager === 'systemd') return { source: 'systemctl', read: readService, act: actBySystemd, own: ownUnit }
  if (manager === 'sysv') return { source: '/etc/init.d', read: readService, act: actByScript, own: ownUnit }
  return 'no service manager runs on this device'
}

async function actBySystemd({ name }: ServiceItem, action: ServiceAction, timeoutMs: number) {
  const result = await runProgram('systemctl', ['--no-pager', '--no-ask-password', action, '--', `${name}.service`], {
    timeoutMs,
  })
  return result.exitCode === 0 ? undefined : wordsOf(result)
}

/** By its path and not through a shell: `read` found the name among those in the folder. */
async function actByScript({ name }: ServiceItem, action: ServiceAction, timeoutMs: number) {
  const result = await runProgram(`/etc/init.d/${name}`, [action], { timeoutMs })
  return result.exitCode === 0 ? undefined : wordsOf(result)
}

/** The last lines say why; the first ones often only what was tried. */
function wordsOf({ exitCode, stdout, stderr }: { exitCode: number | null; stdout: string; stderr: string }): string {
  const said = (stderr.trim() || stdout.trim()).split('\n').slice(-3).join(' ').trim()
  return said === '' ? `it ended with ${exitCode ?? 'a signal'}` : said
}

/** systemd puts each service into a cgroup of its name. */
async function ownUnit(): Promise<string | undefined> {
  const cgroups = (await readTextIfPresent('/proc/self/cgroup')) ?? ''
  return unitOf(cgroups)
}

export function unitOf(cgroups: string): string | undefined {
  return /\/([^/\n]+)\.service(?:\/|$)/m.exec(cgroups)?.[1]
}
