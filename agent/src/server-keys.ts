import type { ServerKey } from '@breeze/contract/agent-protocol'

export type KeyDecision =
  | { decision: 'unchanged' }
  | { decision: 'accepted'; keys: ServerKey[] }
  | { decision: 'refused'; reason: string }

/**
 * Whether a set of command-signing keys offered in `welcome` replaces the trusted one. Whoever can sign commands owns
 * the device, so a set is refused when it shares no key with those trusted now or pinned at enrollment (a stranger's
 * server), and when it gives a known id another key (a substitution). The enrollment keys stay valid as an anchor for
 * this comparison only, so that a device led astray once comes back; they sign nothing unless they are in the set.
 *
 * Limit: public keys are public, so a server that can complete the handshake can add a key of its own beside a pinned
 * one. Closing that needs new keys endorsed by old ones on the wire.
 */
export function decideServerKeys(
  pinned: readonly ServerKey[],
  trusted: readonly ServerKey[],
  offered: readonly ServerKey[],
): KeyDecision {
  const known = [...trusted, ...pinned]
  const ids = new Set(offered.map((key) => key.id))
  if (ids.size !== offered.length) return { decision: 'refused', reason: 'the set names an id twice' }
  const substituted = offered.find((key) => known.some((k) => k.id === key.id && k.publicKey !== key.publicKey))
  if (substituted) return { decision: 'refused', reason: 'a known key id came with another key' }
  if (!offered.some((key) => known.some((k) => sameKey(k, key)))) {
    return { decision: 'refused', reason: 'no known key remains in the set' }
  }
  const unchanged =
    offered.length === trusted.length && offered.every((key, index) => trusted[index] && sameKey(trusted[index], key))
  return unchanged ? { decision: 'unchanged' } : { decision: 'accepted', keys: [...offered] }
}

function sameKey(a: ServerKey, b: ServerKey): boolean {
  return a.id === b.id && a.publicKey === b.publicKey
}
