import type { Denial } from '@breeze/contract/governance'
import { KernelError } from '../errors.ts'

export type Verdict = { verdict: 'allow' } | { verdict: 'deny'; denial: Denial }

export const allow: Verdict = { verdict: 'allow' }
export const deny = (denial: Denial): Verdict => ({ verdict: 'deny', denial })

export function check(verdict: Verdict): void {
  if (verdict.verdict === 'deny') throw new KernelError(verdict.denial)
}
