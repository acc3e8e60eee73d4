/** A service of our own: an init script that a test installs, and that goes whatever becomes of the test. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'

export interface ThrowAwayService {
  name: string
  /** Of its daemon; null when there is none. */
  pid(): Promise<number | null>
  /** On the machine itself, past Breeze. */
  stop(): Promise<void>
  /** Ends the daemon, if there is one, and takes the script away. */
  remove(): void
}

const script = (name: string, pidFile: string): string => `#!/bin/sh
### BEGIN INIT INFO
# Provides:          ${name}
# Required-Start:
# Required-Stop:
# Default-Start:
# Default-Stop:
# Short-Description: A throw-away service of a test
### END INIT INFO
# A process that ended is there until its parent asks for it, which may be init, and take a while: it runs no more.
running() {
  [ -s ${pidFile} ] || return 1
  case "$(sed 's/.*) //' "/proc/$(cat ${pidFile})/stat" 2>/dev/null)" in ''|[ZX]*) return 1 ;; esac
}
wait_until() { for n in $(seq 100); do "$@" && return 0; sleep 0.1; done; return 1; }
stopped() { ! running; }
start() {
  running && return 0
  setsid sh -c 'echo $$ > ${pidFile}; exec sleep 600' >/dev/null 2>&1 </dev/null &
  wait_until running
}
stop() {
  running && kill "$(cat ${pidFile})"
  wait_until stopped && rm -f ${pidFile}
}
case "$1" in
  start) start ;;
  stop) stop ;;
  restart|force-reload) stop && start ;;
  status) if running; then echo "${name} is running"; exit 0; else echo "${name} is not running"; exit 3; fi ;;
  *) echo "Usage: $0 {start|stop|restart|force-reload|status}"; exit 2 ;;
esac
`

const PREFIX = 'breeze-reach-'

/** Whether a process runs: one that ended and was not yet asked for by its parent does not. */
export function runs(pid: number | null): boolean {
  if (pid === null) return false
  try {
    return !/^[ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, ''))
  } catch {
    return false
  }
}

const startLink = (name: string): string => `/etc/rc2.d/S99${name}`

/** What a test left whose process was killed. */
async function removeLeftOvers(): Promise<void> {
  for (const name of await readdir('/etc/init.d')) {
    const owner = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : ''
    if (!/^\d+$/.test(owner) || existsSync(`/proc/${owner}`)) continue
    rmSync(`/etc/init.d/${name}`, { force: true })
    rmSync(startLink(name), { force: true })
  }
}

export async function installService(): Promise<ThrowAwayService> {
  await removeLeftOvers()
  const name = `${PREFIX}${process.pid}`
  const [path, pidFile] = [`/etc/init.d/${name}`, `/run/${name}.pid`]
  await writeFile(path, script(name, pidFile), { mode: 0o755 })
  // It comes up with the system, as what is watched does.
  await symlink(path, startLink(name))
  const pid = async (): Promise<number | null> => {
    const text = await readFile(pidFile, 'utf8').catch(() => '')
    return text.trim() === '' ? null : Number(text)
  }
  const remove = (): void => {
    const daemon = Number(existsSync(pidFile) ? readFileSync(pidFile, 'utf8') : '')
    if (daemon > 0 && runs(daemon)) process.kill(daemon)
    rmSync(path, { force: true })
    rmSync(startLink(name), { force: true })
    rmSync(pidFile, { force: true })
  }
  // A test that never comes to its end must not leave a service behind.
  process.once('exit', remove)
  return {
    name,
    pid,
    stop: async () => void (await promisify(execFile)(path, ['stop'])),
    remove,
  }
}
