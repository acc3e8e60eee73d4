import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { ClusterError, codeOf } from './cluster-error.ts'
import { processMark } from './processes.ts'

interface Holder {
  pid: number
  mark: string
}

/**
 * Makes this process the only one to run the cluster in a folder, until it lets go or dies.
 *
 * @returns the function that lets go
 * @throws ClusterError when a live process holds it
 */
export function takeLock(file: string, dataDir: string): () => void {
  const mine = `${file}.${process.pid}`
  // Written first and linked second: nobody ever reads a lock without its holder in it.
  writeFileSync(mine, JSON.stringify({ pid: process.pid, mark: processMark(process.pid) ?? '' } satisfies Holder))
  try {
    for (;;) {
      try {
        linkSync(mine, file)
        return () => rmSync(file, { force: true })
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error
      }
      const text = readIfPresent(file)
      if (text === undefined) continue
      const holder = parseHolder(text)
      if (holder !== undefined && processMark(holder.pid) === holder.mark) {
        throw new ClusterError(`the data folder ${dataDir} is in use by process ${holder.pid}: stop that server first`)
      }
      removeStale(file, text)
    }
  } finally {
    rmSync(mine, { force: true })
  }
}

function removeStale(file: string, text: string): void {
  const aside = `${file}.stale.${process.pid}`
  try {
    renameSync(file, aside)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  try {
    // Somebody else may have taken it over between our look and our move: theirs goes back.
    if (readFileSync(aside, 'utf8') !== text) linkSync(aside, file)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  } finally {
    rmSync(aside, { force: true })
  }
}

/** A holder nobody can read (a full disk, an edit by hand) is nobody. */
function parseHolder(text: string): Holder | undefined {
  const [, pid, mark] = /^\{"pid":(\d+),"mark":"([^"]*)"\}$/.exec(text) ?? []
  return pid === undefined || mark === undefined ? undefined : { pid: Number(pid), mark }
}

function readIfPresent(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
