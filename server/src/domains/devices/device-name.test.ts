import { expect, test } from 'vitest'
import { cleanName } from './device-name.ts'

test.each([
  ['web-01', 'web-01'],
  ['  two   words ', 'two words'],
  ['evil\u202Egnp.exe', 'evilgnp.exe'],
  ['line\u2028one\r\ntwo\ttabs', 'line one two tabs'],
  ['tag\u{E0041}\u{E0042}', 'tag'],
  ['Büro-ПК 東京', 'Büro-ПК 東京'],
  ['half \ud800 pair', 'half pair'],
])('%j is shown as %j', (told, shown) => {
  expect(cleanName(told)).toBe(shown)
})

test('nothing visible is no name, and a long one is cut between characters', () => {
  expect(cleanName('\u200b\u0000 \u202e')).toBeNull()
  expect(cleanName('😀'.repeat(10), 4)).toBe('😀😀😀😀')
})
