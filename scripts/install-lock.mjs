import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Waits until this process is the only one installing, and answers with the function that lets go. The lock lies outside
 * node_modules because npm empties that. A holder that died is taken over.
 *
 * @param {string} root
 * @param {(pid: number) => void} onWait called once, if there is somebody to wait for
 */
export async function takeInstallLock(root, onWait) {
  const folder = join(root, '.tmp')
  mkdirSync(folder, { recursive: true })
  const lock = join(folder, 'install.lock')
  const mine = `${lock}.${process.pid}`
  let waited = false
  // Written first and linked second: nobody ever reads a lock without its holder in it.
  writeFileSync(mine, JSON.stringify({ pid: process.pid, started: startedAt(process.pid) }))
  try {
    for (;;) {
      try {
        linkSync(mine, lock)
        return () => rmSync(lock, { force: true })
      } catch (error) {
        if (error.code !== 'EEXIST') throw error
      }
      const text = readIfPresent(lock)
      if (text === undefined) continue
      const holder = parse(text)
      if (holder !== undefined && startedAt(holder.pid) === holder.started) {
        if (!waited) onWait(holder.pid)
        waited = true
        await sleep(250)
      } else {
        removeStale(lock, text)
      }
    }
  } finally {
    rmSync(mine, { force: true })
  }
}

function removeStale(lock, text) {
  const aside = `${lock}.stale.${process.pid}`
  try {
    renameSync(lock, aside)
  } catch (error) {
    if (error.code === 'ENOENT') return
    throw error
  }
  try {
    // Somebody else may have taken it over between our look and our move: theirs goes back.
    if (readFileSync(aside, 'utf8') !== text) linkSync(aside, lock)
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  } finally {
    rmSync(aside, { force: true })
  }
}

/** When a process started, in the kernel's ticks; 'alive' where the system does not say; undefined if there is none. */
function startedAt(pid) {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (error.code !== 'EPERM') return undefined
  }
  const stat = readIfPresent(`/proc/${pid}/stat`)
  // The command name, in brackets, may hold spaces: fields are counted after it. Field 22 is the start time.
  return stat === undefined ? 'alive' : stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function readIfPresent(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return undefined
    throw error
  }
}
