import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandMessage } from '@breeze/contract/agent-commands'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { importPublicKey, verifyText } from './ed25519.ts'
import { loadKeys } from './keys.ts'

let dataDir: string
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'breeze-keys-'))
})
afterEach(() => rm(dataDir, { recursive: true }))

const publicKeyOf = (text: string) => {
  const key = importPublicKey(text)
  if (!key) throw new Error('not a key')
  return key
}

test('makes the keys once, readable by nobody else', async () => {
  const first = await loadKeys(dataDir)
  const second = await loadKeys(dataDir)
  expect(second.commands.publicKey).toBe(first.commands.publicKey)
  expect(second.pepper.equals(first.pepper)).toBe(true)
  expect(first.pepper).toHaveLength(32)
  const folder = join(dataDir, 'keys')
  expect((await stat(folder)).mode & 0o777).toBe(0o700)
  for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
  expect(await readdir(dataDir)).toEqual(['keys'])
})

test('two first starts at once agree on one set of keys', async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => loadKeys(dataDir)))
  expect(new Set(all.map((keys) => keys.commands.publicKey)).size).toBe(1)
  expect(await readdir(dataDir)).toEqual(['keys'])
})

test('a signature verifies with the published key over the command message only', async () => {
  const { commands, checkpoints } = await loadKeys(dataDir)
  const { keyId, signature } = commands.sign('{"v":1}')
  expect(keyId).toBe(commands.id)
  expect(commands.published).toEqual([{ id: commands.id, publicKey: commands.publicKey }])
  const key = publicKeyOf(commands.publicKey)
  expect(verifyText(key, commandMessage('{"v":1}'), signature)).toBe(true)
  expect(verifyText(key, '{"v":1}', signature)).toBe(false)
  expect(checkpoints.verify('head', checkpoints.sign('head'))).toBe(true)
  expect(checkpoints.verify('tail', checkpoints.sign('head'))).toBe(false)
})

test('refuses a key file that others can read', async () => {
  await loadKeys(dataDir)
  await chmod(join(dataDir, 'keys', 'token-pepper'), 0o640)
  await expect(loadKeys(dataDir)).rejects.toThrow(/token-pepper is open to others \(mode 0640\): run chmod 0600/)
})

test('refuses a folder that others can enter', async () => {
  await loadKeys(dataDir)
  await chmod(join(dataDir, 'keys'), 0o755)
  await expect(loadKeys(dataDir)).rejects.toThrow(/open to others/)
})

test('refuses to invent a key that was lost', async () => {
  await loadKeys(dataDir)
  await rm(join(dataDir, 'keys', 'command-signing.current.pem'))
  await expect(loadKeys(dataDir)).rejects.toThrow(/restore it from a backup/)
})
