import { randomUUID } from 'node:crypto'
import { commandMessage } from '@breeze/contract/agent-commands'
import { expect, test } from 'vitest'
import { published, script, signingKey } from '../test/stub-server.ts'
import { type GateContext, judgeCommand } from './command-gate.ts'
import { signText } from './device-key.ts'

const key = signingKey('current')
const deviceId = randomUUID()
const NOW = Date.parse('2026-01-01T12:00:00Z')
const context: GateContext = {
  deviceId,
  serverKeys: [published(key)],
  now: NOW,
  forgottenUntil: 0,
  isKnown: () => false,
}

function signed(payload: string) {
  return { keyId: key.id, payload, signature: signText(key.key, commandMessage(payload)) }
}
function command(overrides: Record<string, unknown> = {}) {
  return signed(
    JSON.stringify({
      v: 1,
      commandId: randomUUID(),
      deviceId,
      issuedAt: '2026-01-01T11:59:00Z',
      expiresAt: '2026-01-01T12:15:00Z',
      body: script('bash', 'true'),
      ...overrides,
    }),
  )
}

test('a command in order runs', () => {
  expect(judgeCommand(command(), context)).toMatchObject({ decision: 'run', expiresAt: NOW + 900_000 })
})

test('a signature made for another purpose is none', () => {
  const { payload, keyId } = command()
  const decision = judgeCommand({ keyId, payload, signature: signText(key.key, payload) }, context)
  expect(decision).toMatchObject({ decision: 'rejected', reason: 'bad_signature' })
})

test.each([
  ['', 'bad_signature'],
  ['x'.repeat(86), 'bad_signature'],
  ['ü', 'bad_signature'],
])('the signature %j is refused', (signature, reason) => {
  expect(judgeCommand({ ...command(), signature }, context)).toMatchObject({ decision: 'rejected', reason })
})

test('a command expires at its second', () => {
  expect(judgeCommand(command({ expiresAt: new Date(NOW).toISOString() }), context)).toMatchObject({
    reason: 'expired',
  })
})

test('a replay of a forgotten command is expired, even when a clock is turned back', () => {
  const turnedBack = { ...context, now: NOW - 86_400_000, forgottenUntil: NOW + 900_000 }
  expect(judgeCommand(command(), turnedBack)).toMatchObject({ decision: 'rejected', reason: 'expired' })
})

test('a known id is a duplicate whatever the new body says', () => {
  const known = { ...context, isKnown: () => true }
  expect(judgeCommand(command({ body: script('bash', 'other') }), known)).toMatchObject({ decision: 'duplicate' })
})

test.each(['not json', '{}', '{"commandId":"../../etc"}', 'null'])('%j has no id to answer to', (payload) => {
  expect(judgeCommand(signed(payload), context)).toEqual({ decision: 'ignored', reason: 'malformed' })
})

test('a command of another protocol version is malformed', () => {
  expect(judgeCommand(command({ v: 2 }), context)).toMatchObject({ reason: 'malformed' })
})
