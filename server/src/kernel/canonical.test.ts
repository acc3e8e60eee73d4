import { expect, test } from 'vitest'
import { canonicalJson, digest } from './canonical.ts'

test('equal values have one text, whatever the order of their keys', () => {
  const one = { b: [1, { y: 'ä', x: null }], a: undefined, c: Object.create(null) as object }
  expect(canonicalJson(one)).toBe('{"b":[1,{"x":null,"y":"ä"}],"c":{}}')
  expect(digest({ a: 1e1, b: 2 })).toEqual(digest({ b: 2, a: 10 }))
})

test('values that look alike have different digests', () => {
  const alike = ['é', 'e\u0301', 'É', 'é ', ['é'], { é: 1 }, '1', 1, true, 'true', null, '']
  expect(new Set(alike.map((value) => digest(value).toString('hex'))).size).toBe(alike.length)
})

test.each([new Date(0), new Set([1]), new Map([[1, 2]]), Buffer.from('a')])(
  '%o has none, so that none is bound',
  (value) => {
    expect(() => digest({ value })).toThrow('no canonical form')
  },
)
