import { expect, test } from 'vitest'
import { ConcealedOutput } from './concealed-output.ts'

function written(values: readonly string[], pieces: readonly string[], end = true): string {
  const chunks: Buffer[] = []
  const output = new ConcealedOutput({ add: (chunk) => chunks.push(chunk), full: false }, values)
  for (const piece of pieces) output.add(Buffer.from(piece))
  if (end) output.end()
  return Buffer.concat(chunks).toString()
}

const SECRETS = ['hunter2-and-more', 'hunter2', 'züri-ß', '  padded  ']
const TEXT = 'a hunter2 b hunter2-and-more c züri-ß d padded e hunter2-and'
const MASKED = 'a [masked] b [masked] c [masked] d [masked] e [masked]-and'

test('values are masked wherever the pieces are cut, the longer of two that begin alike first', () => {
  expect(written(SECRETS, [TEXT])).toBe(MASKED)
  expect(written(SECRETS, [...TEXT])).toBe(MASKED)
  for (let at = 1; at < TEXT.length; at++) expect(written(SECRETS, [TEXT.slice(0, at), TEXT.slice(at)])).toBe(MASKED)
})

test('only what may be the begin of a value is held back, and what is too short to be told apart is not masked', () => {
  expect(written(SECRETS, ['done: hun'], false)).toBe('done: ')
  expect(written(SECRETS, ['done: hun'])).toBe('done: hun')
  expect(written(SECRETS, ['done'], false)).toBe('done')
  expect(written(['abc'], ['abc'])).toBe('abc')
  expect(written(['aaaa'], ['aaa', 'aaaaaa', 'b'])).toBe('[masked][masked]ab')
})

test('a flood that looks like a value costs little', () => {
  const began = performance.now()
  expect(written(['a'.repeat(4000)], ['a'.repeat(1_000_000)])).toBe('[masked]'.repeat(250))
  expect(performance.now() - began).toBeLessThan(2000)
})
