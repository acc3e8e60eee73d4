import { endorsementMessage, type ServerKey } from '@breeze/contract/agent-protocol'
import { verifyText } from './device-key.ts'

export type KeyDecision =
  | { decision: 'unchanged' }
  | { decision: 'accepted'; keys: ServerKey[] }
  | { decision: 'refused'; reason: string }

/**
 * Whether a set of command-signing keys offered in `welcome` replaces the trusted one. Whoever can sign commands owns
 * the device, so each key of the set is one that is trusted now or was pinned at enrollment, or is endorsed by such a
 * one, directly or through others of the set. The set replaces the trusted one as a whole: a key that is left out signs
 * nothing from then on, and a retired one that is still in it may still verify what it once signed. The enrollment keys
 * stay an anchor for this comparison only.
 */
export function decideServerKeys(
  pinned: readonly ServerKey[],
  trusted: readonly ServerKey[],
  offered: readonly ServerKey[],
): KeyDecision {
  const known = new Map([...pinned, ...trusted].map((key) => [key.id, key.publicKey]))
  if (new Set(offered.map((key) => key.id)).size !== offered.length) {
    return { decision: 'refused', reason: 'the set names an id twice' }
  }
  if (offered.some(({ id, publicKey }) => known.has(id) && known.get(id) !== publicKey)) {
    return { decision: 'refused', reason: 'a known key id came with another key' }
  }
  const strangers = withoutEndorsement(known, offered)
  if (strangers.length > 0) {
    return { decision: 'refused', reason: 'a new key is not endorsed by a known one' }
  }
  return isSameSet(trusted, offered) ? { decision: 'unchanged' } : { decision: 'accepted', keys: [...offered] }
}

/** Chains may be given in any order, so the set is gone through until nothing new is proven. It is bounded by the contract. */
function withoutEndorsement(known: ReadonlyMap<string, string>, offered: readonly ServerKey[]): ServerKey[] {
  const proven = new Map(known)
  let open = offered.filter((key) => !proven.has(key.id))
  for (;;) {
    const next = open.filter((key) => !isEndorsed(key, proven))
    if (next.length === open.length) return next
    for (const key of open) if (!next.includes(key)) proven.set(key.id, key.publicKey)
    open = next
  }
}

function isEndorsed(key: ServerKey, proven: ReadonlyMap<string, string>): boolean {
  if (!key.endorsedBy) return false
  const endorser = proven.get(key.endorsedBy.id)
  return endorser !== undefined && verifyText(endorser, endorsementMessage(key), key.endorsedBy.signature)
}

function isSameSet(a: readonly ServerKey[], b: readonly ServerKey[]): boolean {
  return a.length === b.length && a.every((key, n) => key.id === b[n]?.id && key.publicKey === b[n]?.publicKey)
}
