import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { codeOf } from './cluster-error.ts'

/**
 * The password of the cluster's owner, made on first use. Created 0600 under a name nobody looks for and linked into place, so
 * it is never readable by others and never half there.
 */
export function ownerPassword(dataDir: string): string {
  const keys = join(dataDir, 'keys')
  const file = join(keys, 'postgres-owner')
  mkdirSync(keys, { recursive: true, mode: 0o700 })
  const fresh = `${file}.${process.pid}`
  rmSync(fresh, { force: true })
  writeSecret(fresh, randomBytes(24).toString('base64url'))
  try {
    linkSync(fresh, file)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  } finally {
    rmSync(fresh, { force: true })
  }
  // A restore from a backup may have opened it.
  if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600)
  return readFileSync(file, 'utf8').trim()
}

/** Writes a new file that only its owner can read, durably. Fails when the name is taken, by a link too. */
export function writeSecret(file: string, secret: string): void {
  const descriptor = openSync(file, 'wx', 0o600)
  try {
    writeFileSync(descriptor, secret)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
