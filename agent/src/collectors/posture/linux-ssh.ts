import { glob } from 'node:fs/promises'
import { readTextIfPresent } from '../../platform/linux.ts'
import { runningPrograms } from '../../platform/linux/running-programs.ts'
import { parseEffective, readSshdConfig } from '../../platform/linux/sshd-config.ts'
import { runProgram } from '../../platform/run-program.ts'
import { type Note, Unsupported } from '../section.ts'
import type { FindingReader } from './finding.ts'
import { sshSettings } from './ssh-settings.ts'

const CONFIG = '/etc/ssh/sshd_config'

export const linuxSsh = (root = '', running = runningPrograms): FindingReader<'ssh'> => ({
  source: CONFIG,
  async read(tell) {
    const isRunning = await running()
    const values = await settings(root, tell)
    if (!values) {
      if (!isRunning('dropbear')) throw new Unsupported('no SSH server is installed')
      tell({ source: 'running programs', detail: 'dropbear: its settings are its arguments, which are not read' })
      return { running: true, passwordAuthentication: null, permitRootLogin: null, port: null }
    }
    const found = sshSettings(values, isRunning('sshd'))
    // systemd may listen in its place, and start it for each connection.
    const listening = found.running || (found.port !== null && (await listens(found.port)))
    return { ...found, running: listening }
  },
})

/** By the server itself where it can be asked: only it knows all of its rules. */
async function settings(root: string, tell: (note: Note) => void): Promise<ReadonlyMap<string, string> | undefined> {
  const config = await readSshdConfig(
    {
      read: (path) => readTextIfPresent(root + path),
      glob: async (pattern) => {
        const found = await Array.fromAsync(glob(root + pattern))
        return found.sort().map((path) => path.slice(root.length))
      },
    },
    CONFIG,
  )
  const match = config.hasMatch ? ['Match blocks may say otherwise for some users or addresses'] : []
  const effective = root === '' ? await askServer() : undefined
  if (effective instanceof Map) {
    tell({ source: 'sshd -T', ...(match[0] !== undefined && { detail: match[0] }) })
    return effective
  }
  if ((await readTextIfPresent(root + CONFIG)) === undefined) return undefined
  const detail = [`read from the file: ${effective ?? 'the server was not asked'}`, ...match].join('; ')
  tell({ source: CONFIG, detail })
  return config.values
}

/** Its answer, or why there is none. */
async function askServer(): Promise<Map<string, string> | string> {
  if (process.getuid?.() !== 0) return 'the server answers root only'
  try {
    const { stdout, stderr, exitCode } = await runProgram('sshd', ['-T'], { timeoutMs: 4000 })
    return exitCode === 0 ? parseEffective(stdout) : `sshd -T: ${stderr.trim().split('\n').at(-1) ?? ''}`
  } catch (error) {
    if (error instanceof Unsupported) return error.message
    throw error
  }
}

/** /proc/net/tcp: a local address of `…:<port in hex>` in state 0A. */
async function listens(port: number): Promise<boolean> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  for (const path of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of ((await readTextIfPresent(path)) ?? '').split('\n')) {
      const [, local, , state] = line.trim().split(/\s+/)
      if (state === '0A' && local?.endsWith(suffix)) return true
    }
  }
  return false
}
