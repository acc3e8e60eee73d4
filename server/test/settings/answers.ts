/** Shorthands for who calls and what they are answered. */
import type { Caller } from '../../src/kernel/caller.ts'
import type { Outcome } from '../../src/kernel/kernel.ts'
import type { Harness } from '../harness.ts'

// Tests read answers by their documented keys; the tools' own tests of shape are the output schemas.
// oxlint-disable-next-line typescript/no-explicit-any
export type Answer = Record<string, any>

export function done(outcome: Outcome): Answer {
  if (outcome.status === 'done') return outcome.data
  throw new Error(`expected an answer, got ${JSON.stringify(outcome)}`)
}

/** The code of a refusal or failure; `done` or `held` when there was none. */
export const code = (outcome: Outcome): string => ('denial' in outcome ? outcome.denial.code : outcome.status)

export function denial(outcome: Outcome) {
  if ('denial' in outcome) return outcome.denial
  throw new Error(`expected a refusal, got ${JSON.stringify(outcome)}`)
}

/** Somebody who acts in person: only their role bounds them. */
export async function inPerson(h: Harness, userId: string): Promise<Caller> {
  const credential = { kind: 'session' as const, id: userId, name: 'session' }
  const identity = await h.server.authenticator.userIdentity(userId, credential, null)
  if (!identity) throw new Error('the user has no way in')
  return { ...identity, channel: 'rest', client: null }
}
