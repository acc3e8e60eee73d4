import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from './durable-file.ts'
import { isMissing } from './identity-store.ts'
import { machineId } from './platform/machine.ts'

/**
 * What tells this machine from another: the system's own id, or, where it has none, one made once and kept. A machine
 * that got another id at every start would look like a copy of itself.
 */
export async function stableMachineId(
  stateDirectory: string,
  ofSystem: () => Promise<string | undefined> = machineId,
): Promise<string> {
  return (await ofSystem()) ?? (await readMade(stateDirectory)) ?? (await makeMachineId(stateDirectory))
}

/** For a copy, whose state folder holds the original's; the system's own can't be changed from here. */
export async function renewedMachineId(
  stateDirectory: string,
  ofSystem: () => Promise<string | undefined> = machineId,
): Promise<string> {
  return (await ofSystem()) ?? (await makeMachineId(stateDirectory))
}

async function makeMachineId(stateDirectory: string): Promise<string> {
  const made = `made-${crypto.randomUUID()}`
  await replaceFile(pathIn(stateDirectory), `${made}\n`)
  return made
}

async function readMade(stateDirectory: string): Promise<string | undefined> {
  try {
    const text = (await readFile(pathIn(stateDirectory), 'utf8')).trim()
    return /^made-[\da-f-]{36}$/.test(text) ? text : undefined
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

const pathIn = (stateDirectory: string): string => join(stateDirectory, 'machine-id')
