import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { SecretBox } from './secret-box.ts'

const box = new SecretBox(randomBytes(32))
const secret = Buffer.from('a secret')

test('opens what it sealed, and seals it differently each time', () => {
  const [one, two] = [box.seal(secret, 'totp:1'), box.seal(secret, 'totp:1')]
  expect(box.open(one, 'totp:1')).toEqual(secret)
  expect(one.equals(two)).toBe(false)
  expect(one.includes(secret)).toBe(false)
})

test('refuses another purpose, another key, and every changed byte', () => {
  const sealed = box.seal(secret, 'totp:1')
  expect(() => box.open(sealed, 'totp:2')).toThrow()
  expect(() => new SecretBox(randomBytes(32)).open(sealed, 'totp:1')).toThrow()
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed)
    changed[at] = (changed[at] ?? 0) ^ 1
    expect(() => box.open(changed, 'totp:1'), String(at)).toThrow()
  }
  expect(() => box.open(sealed.subarray(0, 20), 'totp:1')).toThrow()
})
