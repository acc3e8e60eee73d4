import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { type EnrollRequest, separationMessage } from '@breeze/contract/agent-protocol'
import { createDeviceKey, exportPrivateKey, importPrivateKey, publicKeyText, signText } from './device-key.ts'
import { syncDirectory } from './durable-file.ts'
import { enrolledIdentity, requestEnrollment } from './enrollment.ts'
import { fault } from './faults.ts'
import { type EnrolledIdentity, type IdentityHolder, isMissing, saveIdentity, without } from './identity-store.ts'
import type { Transport } from './transport.ts'

export interface SeparationOptions {
  servers: readonly string[]
  transport: Transport
  /** The original's, of which this machine holds a copy. */
  identity: IdentityHolder
  machine: Omit<EnrollRequest, 'publicKey' | 'token' | 'copyOf'>
}

/**
 * A copied identity asks to become a device of its own. The new key is durable before the server hears of it, and the
 * same key asked for twice is the same device, so a crash at any point ends in one more device and not in two.
 */
export async function separate({
  servers,
  transport,
  identity,
  machine,
}: SeparationOptions): Promise<EnrolledIdentity> {
  const original = identity.current
  const key =
    original.separationPrivateKey === undefined ? createDeviceKey() : importPrivateKey(original.separationPrivateKey)
  const privateKey = exportPrivateKey(key)
  await identity.update((current) => ({ ...current, separationPrivateKey: privateKey }))
  fault('separation.key_saved')
  const publicKey = publicKeyText(key)
  const request: EnrollRequest = { ...machine, publicKey, copyOf: proofOf(original, publicKey, machine.machineId) }
  let failure: unknown
  for (const server of servers) {
    try {
      const reply = await requestEnrollment(server, request, transport)
      fault('separation.responded')
      return { ...enrolledIdentity(privateKey, reply), foreignJournal: true }
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

function proofOf(original: EnrolledIdentity, publicKey: string, machineId: string) {
  const message = separationMessage(original.deviceId, publicKey, machineId)
  return { deviceId: original.deviceId, signature: signText(importPrivateKey(original.privateKey), message) }
}

/**
 * What the original promised is not for this device to keep: its journal is set aside (one, the latest) for a person to
 * look into. The mark in the identity goes only afterwards, so that a crash between the two repeats it.
 */
export async function setForeignJournalAside(
  stateDirectory: string,
  foreign: EnrolledIdentity,
): Promise<EnrolledIdentity> {
  try {
    await rename(join(stateDirectory, 'journal.ndjson'), join(stateDirectory, 'journal.original.ndjson'))
    await syncDirectory(stateDirectory)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
  fault('separation.journal_moved')
  const identity = without(foreign, 'foreignJournal')
  await saveIdentity(stateDirectory, identity)
  return identity
}
