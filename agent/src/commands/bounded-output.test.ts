import { MAX_FRAME_BYTES, MAX_OUTPUT_BYTES } from '@breeze/contract/agent-commands'
import { expect, test } from 'vitest'
import { BoundedOutput } from './bounded-output.ts'

function kept(...chunks: Buffer[]) {
  const output = new BoundedOutput()
  for (const chunk of chunks) output.add(chunk)
  return output.result()
}

test('a character split between two reads is whole', () => {
  const bytes = Buffer.from('Zürich €')
  expect(kept(bytes.subarray(0, 2), bytes.subarray(2))).toEqual({
    output: 'Zürich €',
    outputBytes: 11,
    truncated: false,
  })
})

test.each(['ü', '€', '😀'])('the cut leaves no half of %s', (character) => {
  for (let shift = 1; shift <= 4; shift++) {
    const bytes = Buffer.from('x'.repeat(MAX_OUTPUT_BYTES - shift) + character.repeat(3))
    const { output, outputBytes, truncated } = kept(bytes)
    expect(output).not.toContain('\uFFFD')
    expect(Buffer.byteLength(output)).toBeLessThanOrEqual(MAX_OUTPUT_BYTES)
    expect(Buffer.byteLength(output)).toBeGreaterThan(MAX_OUTPUT_BYTES - 4)
    expect({ outputBytes, truncated }).toEqual({ outputBytes: bytes.length, truncated: true })
  }
})

test('bytes that are no text still respect the limit', () => {
  const { output, outputBytes, truncated } = kept(Buffer.alloc(MAX_OUTPUT_BYTES, 0xff))
  expect(Buffer.byteLength(output)).toBeLessThanOrEqual(MAX_OUTPUT_BYTES)
  expect({ outputBytes, truncated }).toEqual({ outputBytes: MAX_OUTPUT_BYTES, truncated: true })
})

test('a megabyte of control characters still fits a frame', () => {
  const { output, truncated } = kept(Buffer.alloc(MAX_OUTPUT_BYTES, 0x01))
  expect(Buffer.byteLength(JSON.stringify(output))).toBeLessThan(MAX_FRAME_BYTES)
  expect(truncated).toBe(true)
})
