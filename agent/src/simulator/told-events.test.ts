import type { AgentFrame } from '@breeze/contract/agent-protocol'
import { expect, test } from 'vitest'
import { ToldEvents } from './told-events.ts'

test('what a scenario has a device tell is sent when it can be, and until the server holds it', () => {
  const events = new ToldEvents()
  const sent: AgentFrame[] = []
  const reply = async (frame: AgentFrame) => sent.push(frame) > 0
  const entry = {
    watchId: 'disk',
    log: 'system',
    at: '2026-11-25T03:12:00.000Z',
    source: 'event log System',
    program: 'Disk',
    level: 'error' as const,
    text: 'The device has a bad block.',
  }
  events.tell([entry])
  expect(sent).toEqual([])
  events.welcomed(reply)
  events.tell([{ ...entry, text: 'another' }])
  expect(sent).toMatchObject([
    { type: 'events', entries: [entry] },
    { type: 'events', entries: [{ text: 'another' }] },
  ])
  const [first] = sent
  if (first?.type === 'events') events.recorded(first.sequence)
  events.welcomed(reply)
  expect(sent.slice(2)).toMatchObject([{ entries: [{ text: 'another' }] }])
})
