import { MAX_CHUNK_BYTES, MAX_OUTPUT_BYTES } from '@breeze/contract/agent-commands'
import { type AgentFrame, agentFrame } from '@breeze/contract/agent-protocol'
import { beforeEach, expect, test, vi } from 'vitest'
import { LiveOutput } from './live-output.ts'

const commandId = crypto.randomUUID()
let frames: Extract<AgentFrame, { type: 'output' }>[]
beforeEach(() => {
  frames = []
})

const reply = async (frame: AgentFrame) => {
  if (frame.type === 'output') frames.push(frame)
  return true
}
const texts = () => frames.map((frame) => frame.text)

test('the first piece goes out at once and the next ones are gathered', () => {
  vi.useFakeTimers()
  try {
    const live = new LiveOutput(commandId, reply)
    live.add(Buffer.from('one'))
    live.add(Buffer.from('two'))
    live.add(Buffer.from('three'))
    expect(texts()).toEqual(['one'])
    vi.advanceTimersByTime(300)
    expect(texts()).toEqual(['one', 'twothree'])
    live.add(Buffer.from('four'))
    live.end()
    expect(texts()).toEqual(['one', 'twothree', 'four'])
    expect(frames.map((frame) => frame.sequence)).toEqual([0, 1, 2])
    vi.advanceTimersByTime(1000)
    expect(frames).toHaveLength(3)
  } finally {
    vi.useRealTimers()
  }
})

test('a character that arrives in pieces is never sent in pieces', () => {
  const live = new LiveOutput(commandId, reply)
  for (const byte of Buffer.from('Zürich €😀')) live.add(Buffer.from([byte]))
  live.end()
  expect(texts().join('')).toBe('Zürich €😀')
  expect(texts().join('')).not.toContain('\uFFFD')
})

test('a flood is sent in whole chunks and never more than what is kept', () => {
  const live = new LiveOutput(commandId, reply)
  const flood = Buffer.from('€'.repeat(20_000))
  for (let n = 0; n < 50; n++) live.add(flood)
  live.end()
  for (const frame of frames) {
    expect(agentFrame.safeParse(frame).success).toBe(true)
    expect(Buffer.byteLength(frame.text)).toBeLessThanOrEqual(MAX_CHUNK_BYTES)
  }
  const all = texts().join('')
  expect(Buffer.byteLength(all)).toBeLessThanOrEqual(MAX_OUTPUT_BYTES)
  expect(all).toBe('€'.repeat(all.length))
})

test('bytes that are no text grow when they are decoded, and still stay within the limit', () => {
  const live = new LiveOutput(commandId, reply)
  live.add(Buffer.alloc(MAX_OUTPUT_BYTES, 0xff))
  live.end()
  expect(Buffer.byteLength(texts().join(''))).toBeLessThanOrEqual(MAX_OUTPUT_BYTES)
})

test('a connection that hangs gets a bounded amount, and what is dropped leaves a gap', async () => {
  let hangs = true
  const release: (() => void)[] = []
  const live = new LiveOutput(commandId, (frame) => {
    void reply(frame)
    return hangs ? new Promise((resolve) => release.push(() => resolve(true))) : Promise.resolve(true)
  })
  for (let n = 0; n < 40; n++) live.add(Buffer.alloc(MAX_CHUNK_BYTES, 'x'))
  expect(Buffer.byteLength(texts().join(''))).toBeLessThanOrEqual(256 * 1024)
  hangs = false
  for (const settle of release) settle()
  await new Promise((resolve) => setImmediate(resolve))
  const before = frames.at(-1)?.sequence ?? 0
  live.add(Buffer.from('after'))
  live.end()
  expect(texts().at(-1)).toBe('after')
  expect(frames.at(-1)?.sequence).toBeGreaterThan(before + 1)
})

test('a connection that fails does not fail the script', async () => {
  const live = new LiveOutput(commandId, () => Promise.reject(new Error('closed')))
  live.add(Buffer.from('x'))
  live.end()
  await new Promise((resolve) => setImmediate(resolve))
})
