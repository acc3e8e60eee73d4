import { describe, expect, test } from 'vitest'
import { notSecrets, secretSamples } from '../../../test/corpora/corpora.ts'
import { maskText } from './secrets.ts'

/** Small and repeatable: a failure names the round it can be had again with. */
function seeded(seed: number): (n: number) => number {
  let state = seed
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}
const ROUNDS = Array.from({ length: 40 }, (_, index) => index)
const FORMATS = secretSamples(seeded(0)).map(({ format }) => format)

describe('secrets are masked', () => {
  test('the corpus holds at least forty formats', () => {
    expect(new Set(FORMATS).size).toBeGreaterThanOrEqual(40)
  })

  test.each(FORMATS)('%s', (format) => {
    for (const round of ROUNDS) {
      const sample = secretSamples(seeded(round)).find((one) => one.format === format)
      if (!sample) throw new Error('the corpus lost a format')
      const masked = maskText(`before\n${sample.text}\nafter`)
      for (const part of sample.parts.filter((one) => one.length >= 12)) {
        expect(masked, `round ${round}`).not.toContain(part)
      }
      expect(masked).toMatch(/^before\n/)
      expect(masked).toContain('[masked')
    }
  })

  test('within other text, several at once, and twice over', () => {
    const [first, second] = secretSamples(seeded(7))
    const text = `a ${first?.text} b\n"x": 1, ${second?.text}\tc`
    const masked = maskText(text)
    for (const part of [...(first?.parts ?? []), ...(second?.parts ?? [])]) expect(masked).not.toContain(part)
    expect(maskText(masked)).toBe(masked)
  })
})

describe('what only looks like a secret stays', () => {
  test.each(notSecrets)('%j', (text) => expect(maskText(text)).toBe(text))
})

test('a text made to be slow is masked in steps that grow with its length only', () => {
  // Each would take minutes in a pattern that tries again from every position.
  const long = 100_000
  for (const text of ['a'.repeat(long), '-'.repeat(long), 'password'.repeat(long / 8), '://'.repeat(long / 3)])
    expect(maskText(text).length).toBeGreaterThan(0)
  for (const text of ['machine  '.repeat(long / 9), 'eyJ'.repeat(long / 3), `curl ${'-u '.repeat(long / 3)}`])
    expect(maskText(text).length).toBeGreaterThan(0)
  expect(maskText(`"${'\\'.repeat(long)}`).length).toBeGreaterThan(0)
  expect(maskText(`password="${'\\\\'.repeat(long / 2)}`).length).toBeGreaterThan(0)
})
