import { existsSync } from 'node:fs'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ConfigError } from '../config.ts'
import { runProgram } from '../platform/run-program.ts'
import { type Layout, SERVICE_NAME } from './layout.ts'
import { unitText } from './systemd.ts'
import { initScriptText } from './sysv.ts'

/** What starts programs with this machine, and how it takes one on. */
export interface ServiceManager {
  readonly name: 'systemd' | 'sysv'
  /** Writes the service's file, has it come up with the system, and (re)starts it. */
  enable(): Promise<void>
  stop(): Promise<void>
  /** Stops it and takes it off the system. */
  remove(): Promise<void>
  isRunning(): Promise<boolean>
}

/** sd_booted(3): this folder exists exactly where systemd runs. */
const SYSTEMD_RUNS = '/run/systemd/system'

export function serviceManagerOf(layout: Layout): ServiceManager {
  if (existsSync(SYSTEMD_RUNS)) return systemd(layout)
  if (existsSync(dirname(layout.initScript))) return sysv(layout)
  throw new ConfigError('Neither systemd nor /etc/init.d is on this machine: start the agent by your own means')
}

function systemd(layout: Layout): ServiceManager {
  return {
    name: 'systemd',
    async enable() {
      await writeFile(layout.unit, unitText(layout), { mode: 0o644 })
      await systemctl('daemon-reload')
      await systemctl('enable', SERVICE_NAME)
      await systemctl('restart', SERVICE_NAME)
    },
    stop: () => systemctl('stop', SERVICE_NAME),
    async remove() {
      if (!existsSync(layout.unit)) return
      await systemctl('disable', '--now', SERVICE_NAME)
      await rm(layout.unit, { force: true })
      await systemctl('daemon-reload')
    },
    isRunning: async () => (await runProgram('systemctl', ['is-active', '--quiet', SERVICE_NAME])).exitCode === 0,
  }
}

function sysv(layout: Layout): ServiceManager {
  const script = (action: string) => run(layout.initScript, [action])
  return {
    name: 'sysv',
    async enable() {
      await mkdir(dirname(layout.log), { recursive: true, mode: 0o750 })
      await writeFile(layout.initScript, initScriptText(layout))
      await chmod(layout.initScript, 0o755)
      await register()
      await script('restart')
    },
    stop: () => script('stop'),
    async remove() {
      if (!existsSync(layout.initScript)) return
      await script('stop')
      await rm(layout.initScript, { force: true })
      await unregister()
    },
    isRunning: async () =>
      existsSync(layout.initScript) && (await runProgram(layout.initScript, ['status'])).exitCode === 0,
  }
}

const systemctl = (...args: string[]) => run('systemctl', args)

/** Debian's and Red Hat's ways to have an init script come up with the system. */
async function register(): Promise<void> {
  if (await isPresent('update-rc.d')) await run('update-rc.d', [SERVICE_NAME, 'defaults'])
  else if (await isPresent('chkconfig')) await run('chkconfig', ['--add', SERVICE_NAME])
}

async function unregister(): Promise<void> {
  if (await isPresent('update-rc.d')) await run('update-rc.d', [SERVICE_NAME, 'remove'])
  else if (await isPresent('chkconfig')) await run('chkconfig', ['--del', SERVICE_NAME])
}

async function isPresent(program: string): Promise<boolean> {
  const found = await runProgram('/bin/sh', ['-c', 'command -v "$1"', 'sh', program])
  return found.exitCode === 0
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await runProgram(program, args, { timeoutMs: 60_000 })
  if (exitCode !== 0)
    throw new Error(`${program} ${args.join(' ')} failed: ${stderr.trim() || `exit code ${exitCode}`}`)
}
