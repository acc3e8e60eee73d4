import { expect, test } from 'vitest'
import { around } from './search-output.ts'

const OUTPUT = 'one\ntwo\nthree: all is WELL\nfour\npassword=hunter2-secret\n'

test('shows the lines around the place, whatever its case', () => {
  expect(around(OUTPUT, 'well', 200)).toMatch(/^one\ntwo\nthree: all is WELL\nfour\n/)
  expect(around(OUTPUT, 'one', 3)).toBe('one')
  expect(around(`${'x'.repeat(500)}needle`, 'needle', 100)).toBe('needle')
  expect(around(OUTPUT, 'five', 100)).toBeUndefined()
})

test('a masked secret is found by none of its letters', () => {
  for (const guess of ['hunter', 'hunter2-secret', 'password=h']) expect(around(OUTPUT, guess, 100)).toBeUndefined()
  expect(around(OUTPUT, 'password=', 100)).toContain('password=')
})
