import { open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { isMissing } from './identity-store.ts'
import { bootId } from './platform/machine.ts'
import { readProcess } from './platform/linux-processes.ts'

const holder = z.object({ pid: z.number().int(), bootId: z.string(), startTime: z.string() })
type Holder = z.infer<typeof holder>

/**
 * One agent per state folder: two would run the same command twice. A lock left by a killed agent is recognised by the
 * process's start time and does not stop the next one.
 */
export async function lockState(stateDirectory: string): Promise<() => Promise<void>> {
  const path = join(stateDirectory, 'agent.lock')
  const current = await readHolder(path)
  if (current && isAlive(current)) throw new Error(`Another agent (process ${current.pid}) uses this state folder`)
  await rm(path, { force: true })
  const own: Holder = { pid: process.pid, bootId: bootId(), startTime: startTime(process.pid) ?? '' }
  // `wx`: of two agents that start together only one gets here.
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(JSON.stringify(own))
  } finally {
    await file.close()
  }
  return () => rm(path, { force: true })
}

async function readHolder(path: string): Promise<Holder | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  try {
    return holder.parse(JSON.parse(text))
  } catch {
    // Killed while writing it: then it is dead.
    return undefined
  }
}

function isAlive(candidate: Holder): boolean {
  if (candidate.bootId !== bootId()) return false
  return candidate.startTime !== '' && startTime(candidate.pid) === candidate.startTime
}

/** Only Linux tells it cheaply; elsewhere the lock holds within one start only. */
function startTime(pid: number): string | undefined {
  return process.platform === 'linux' ? readProcess(pid)?.startTime : undefined
}
