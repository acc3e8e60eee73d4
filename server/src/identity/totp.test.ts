import { expect, test } from 'vitest'
import { base32, codeOf, matchingStep, otpauthUri, stepAt } from './totp.ts'

const secret = Buffer.from('12345678901234567890')

// RFC 6238, appendix B (SHA-1), the last six of its eight digits.
test.each([
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
  [20_000_000_000, '353130'],
])('at %d seconds the code is %s', (seconds, code) => {
  expect(codeOf(secret, stepAt(new Date(seconds * 1000)))).toBe(code)
})

test('accepts one step before and after, and no further', () => {
  const now = new Date(1_234_567_890_000)
  const current = stepAt(now)
  const verdicts = [-2, -1, 0, 1, 2].map((away) => matchingStep(secret, codeOf(secret, current + away), now))
  expect(verdicts).toEqual([null, current - 1, current, current + 1, null])
})

test('writes secrets as RFC 4648 has them', () => {
  expect(base32(Buffer.from('foobar'))).toBe('MZXW6YTBOI')
  expect(base32(secret)).toBe('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ')
  expect(otpauthUri(secret, 'a@b.test')).toBe(
    'otpauth://totp/Breeze%3Aa%40b.test?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Breeze&algorithm=SHA1&digits=6&period=30',
  )
})
