import { expect, it } from 'vitest'
import { depthExceeds, readJson } from './json-body.ts'

it.each([
  ['[[]]', 2, false],
  ['[[[]]]', 2, true],
  ['{"a":{"b":1},"c":[[1]]}', 3, false],
  ['"[[[["', 1, false],
  [String.raw`["\"[[[["]`, 1, false],
  [String.raw`["\\",[[1]]]`, 2, true],
  ['[],[],[]', 1, false],
])('sees the depth of %s', (text, limit, exceeds) => {
  expect(depthExceeds(text, limit)).toBe(exceeds)
})

const request = (body: string) => new Request('http://127.0.0.1/', { method: 'POST', body })

it('parses what is within the bounds', async () => {
  expect(await readJson(request('{"a":1}'))).toEqual({ ok: true, value: { a: 1 } })
  expect(await readJson(request('null'))).toEqual({ ok: true, value: null })
})

it.each([
  ['', 'empty'],
  ['  ', 'empty'],
  ['{', 'malformed'],
  ['['.repeat(10_000), 'too_deep'],
  [`"${'x'.repeat(200)}"`, 'too_large'],
])('names the problem of %s', async (body, problem) => {
  expect(await readJson(request(body), problem === 'too_large' ? 100 : undefined)).toEqual({ ok: false, problem })
})
