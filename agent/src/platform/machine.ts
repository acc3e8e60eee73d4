import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import type { EnrollRequest } from '@breeze/contract/agent-protocol'
import { readProcSync, readTextIfPresent } from './linux.ts'

export function platformName(): EnrollRequest['platform'] {
  switch (process.platform) {
    case 'linux':
      return 'linux'
    case 'win32':
      return 'windows'
    case 'darwin':
      return 'macos'
    default:
      throw new Error(`This agent does not know the platform ${process.platform}`)
  }
}

export function hostName(): string {
  return hostname().slice(0, 255)
}

/** machine-id(5); undefined where the system has none. */
export async function machineId(): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined
  const id = (await readTextIfPresent('/etc/machine-id')) || (await readTextIfPresent('/var/lib/dbus/machine-id'))
  return id && id !== 'uninitialized' ? id.slice(0, 128) : undefined
}

/** Changes with every boot. Where the kernel gives none, a new agent process counts as one. */
export function bootId(): string {
  if (process.platform === 'linux') return readProcSync('/proc/sys/kernel/random/boot_id')
  return processBootId
}

const processBootId = createHash('sha256').update(`${process.pid} ${Date.now()}`).digest('hex').slice(0, 32)
