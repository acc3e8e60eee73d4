import type { Denial } from '@breeze/contract/governance'

export type Verdict = { verdict: 'allow' } | { verdict: 'deny'; denial: Denial }

export const allow: Verdict = { verdict: 'allow' }
export const deny = (denial: Denial): Verdict => ({ verdict: 'deny', denial })
