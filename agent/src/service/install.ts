import { chmod, copyFile, mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { AgentConfig } from '../config.ts'
import type { Log } from '../log.ts'
import { environmentText } from './environment-file.ts'
import type { Layout } from './layout.ts'
import type { ServiceManager } from './manager.ts'
import { visit } from './visit.ts'

export interface InstallOptions {
  /** The single-file program to install. */
  program: string
  config: AgentConfig
  /** Settings that the service gets as environment variables: never the token. */
  environment: Readonly<Record<string, string>>
  layout: Layout
  manager: ServiceManager
  log: Log
}

export interface Installed {
  deviceId: string
  /** The server welcomed this device during the installation. */
  connected: boolean
}

/** Longer than a proxy and a fall-back take. */
const CONNECT_MS = 30_000

/**
 * Installs or renews the agent as a service. It enrolls and connects once before the service exists, so that the token is
 * stored nowhere and a wrong one leaves nothing behind.
 */
export async function install(options: InstallOptions): Promise<Installed> {
  const { program, config, environment, layout, manager, log } = options
  // A running service holds the state folder; nothing of it is running while its program is replaced.
  if (await manager.isRunning()) await manager.stop()
  const { agent, online } = await visit({ ...config, stateDirectory: layout.state, log }, CONNECT_MS)
  await agent.stop('update')
  await mkdir(dirname(layout.program), { recursive: true, mode: 0o755 })
  if (program !== layout.program) await replace(program, layout.program)
  await mkdir(dirname(layout.environment), { recursive: true, mode: 0o755 })
  await writeFile(layout.environment, environmentText(environment), { mode: 0o600 })
  await chmod(layout.environment, 0o600)
  await manager.enable()
  return { deviceId: agent.deviceId, connected: online }
}

/** Under its final name it is whole or absent. */
async function replace(from: string, to: string): Promise<void> {
  const fresh = `${to}.new`
  await copyFile(from, fresh)
  await chmod(fresh, 0o755)
  await rename(fresh, to)
}

export interface UninstallOptions {
  /** Undefined where nothing tells which server there was. */
  config: AgentConfig | undefined
  layout: Layout
  manager: ServiceManager
  log: Log
}

/** How long the server may take to hear the goodbye. */
const GOODBYE_MS = 15_000

/** Stops the service, tells the server, and removes all that was installed. The device's own policy file stays. */
export async function uninstall({ config, layout, manager, log }: UninstallOptions): Promise<{ told: boolean }> {
  await manager.remove()
  const told = config !== undefined && (await sayGoodbye({ ...config, stateDirectory: layout.state, log }))
  for (const path of [layout.state, dirname(layout.log), layout.environment, layout.pid, dirname(layout.program)]) {
    await rm(path, { recursive: true, force: true })
  }
  // With a policy in it, the folder stays.
  if ((await readdir(dirname(layout.policy)).catch(() => ['unreadable'])).length === 0)
    await rmdir(dirname(layout.policy))
  return { told }
}

async function sayGoodbye(options: AgentConfig & { log: Log }): Promise<boolean> {
  try {
    const { agent, online } = await visit({ ...options, token: undefined }, GOODBYE_MS)
    await agent.stop('uninstall')
    return online
  } catch (error) {
    // A server that is gone must not keep an agent on a machine.
    options.log('goodbye_not_said', { message: error instanceof Error ? error.message : String(error) })
    return false
  }
}
