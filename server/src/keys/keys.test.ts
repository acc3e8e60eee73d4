import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandMessage } from '@breeze/contract/agent-commands'
import { endorsementMessage, type ServerKey } from '@breeze/contract/agent-protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { armFault } from '../kernel/faults.ts'
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
  expect(commands.published[0]).toEqual({ id: commands.id, publicKey: commands.publicKey })
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

test('adds the data-encryption key to a folder of before, once', async () => {
  await loadKeys(dataDir)
  await rm(join(dataDir, 'keys', 'data-encryption'))
  const all = await Promise.all(Array.from({ length: 4 }, () => loadKeys(dataDir)))
  expect(new Set(all.map((keys) => keys.box.id)).size).toBe(1)
  expect((await stat(join(dataDir, 'keys', 'data-encryption'))).mode & 0o777).toBe(0o600)
  expect(await readdir(dataDir)).toEqual(['keys'])
})

/** What an agent does: from a key it trusts to the others, by the word of one for the next. */
function trustFrom(known: string, keys: readonly ServerKey[]): Set<string> {
  const trusted = new Set([known])
  for (let before = 0; before < trusted.size;) {
    before = trusted.size
    for (const key of keys) {
      const by = key.endorsedBy
      const endorser = keys.find((other) => other.id === by?.id && trusted.has(other.id))
      if (by && endorser && verifyText(publicKeyOf(endorser.publicKey), endorsementMessage(key), by.signature))
        trusted.add(key.id)
    }
  }
  return trusted
}

describe('rotating the command-signing key', () => {
  test('lets the next key sign, which was published and vouched for before', async () => {
    const { commands } = await loadKeys(dataDir)
    const [first, next] = commands.published
    expect(trustFrom(first?.id ?? '', commands.published).has(next?.id ?? '')).toBe(true)
    const before = commands.sign('before')
    const held = commands.current()
    await commands.rotate(commands.id)
    expect(commands.id).toBe(next?.id)
    expect(commands.sign('after').keyId).toBe(next?.id)
    expect(held.sign('work that began before').keyId).toBe(first?.id)
    // The former key is still published, so what it signed still verifies.
    const former = commands.published.find((key) => key.id === before.keyId)
    expect(verifyText(publicKeyOf(former?.publicKey ?? ''), commandMessage('before'), before.signature)).toBe(true)
    expect((await loadKeys(dataDir)).commands.published).toEqual(commands.published)
  })

  test('keeps the way from any of the last ten keys to the present one', async () => {
    const { commands } = await loadKeys(dataDir)
    const ids = [commands.id]
    for (let time = 0; time < 14; time++) {
      await commands.rotate(commands.id)
      ids.push(commands.id)
    }
    expect(commands.published).toHaveLength(12)
    expect(trustFrom(ids.at(-11) ?? '', commands.published).has(commands.id)).toBe(true)
    expect(commands.published.some((key) => key.id === ids.at(-12))).toBe(false)
    expect((await loadKeys(dataDir)).commands.published).toEqual(commands.published)
  })

  test('happens once, when two ask for it at once', async () => {
    const { commands } = await loadKeys(dataDir)
    const [, next] = commands.published
    const { id } = commands
    const outcomes = await Promise.allSettled([commands.rotate(id), commands.rotate(id)])
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected'])
    expect(commands.id).toBe(next?.id)
  })

  test.each(['keys.chained', 'keys.promoted', 'keys.prepared'] as const)(
    'killed at %s, leaves keys with which a start goes on',
    async (point) => {
      const before = (await loadKeys(dataDir)).commands
      const disarm = armFault(point, () => {
        throw new Error('killed')
      })
      await expect(before.rotate(before.id)).rejects.toThrow('killed')
      disarm()
      const known = before.published.map((key) => key.id)
      const { commands } = await loadKeys(dataDir)
      expect(known.slice(0, 2)).toContain(commands.id)
      expect(trustFrom(known[0] ?? '', commands.published).has(commands.id)).toBe(true)
      expect(commands.published.length).toBeGreaterThanOrEqual(2)
      await commands.rotate(commands.id)
      const again = (await loadKeys(dataDir)).commands
      expect(again.id).toBe(commands.id)
      expect(trustFrom(known[0] ?? '', again.published).has(again.id)).toBe(true)
      expect((await readdir(join(dataDir, 'keys'))).filter((name) => name.endsWith('.new'))).toEqual([])
    },
  )

  test('a folder without a next key, of a server before it had one, gets one', async () => {
    const before = (await loadKeys(dataDir)).commands
    await rm(join(dataDir, 'keys', 'command-signing.next.pem'))
    const all = await Promise.all(Array.from({ length: 4 }, () => loadKeys(dataDir)))
    expect(new Set(all.map((keys) => keys.commands.published[1]?.id)).size).toBe(1)
    expect(all[0]?.commands.id).toBe(before.id)
  })
})
