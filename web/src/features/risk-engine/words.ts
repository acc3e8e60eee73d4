/** How the page says what the engine answers. */
import type { JudgedAction, LimitCount, Policy, Rule } from './risk-engine.ts'

export const POLICIES: readonly Policy[] = ['client', 'preview', 'elicit', 'approver']

export const POLICY_WORDS: Readonly<Record<Policy | 'by_reach', { name: string; about: string }>> = {
  client: { name: 'The client asks', about: 'Left to the AI client’s own dialog. Breeze asks nothing more.' },
  preview: {
    name: 'Preview first',
    about: 'The first call tells what would happen; the same call with its token runs.',
  },
  elicit: {
    name: 'Ask the person',
    about: 'The client asks its person through the protocol; where it cannot, preview first.',
  },
  approver: { name: 'A second person', about: 'The call waits under Approvals until somebody else decides.' },
  by_reach: {
    name: 'By reach',
    about: 'One workstation: the client asks. Several devices, or a server: ask the person. Many: a second person.',
  },
}

export const FROM_WORDS = {
  default: 'the default',
  partner: 'a rule for every organization',
  organization: 'a rule of this organization',
  fixed: 'always so: it stops or decides about other calls',
} as const

export type Verdict = 'runs' | 'confirm' | 'approver' | 'refused' | 'never'

export function verdictOf({ tier, allowed, confirmation }: JudgedAction): Verdict {
  if (tier === 4) return 'never'
  if (!allowed) return 'refused'
  if (confirmation?.policy === 'approver') return 'approver'
  return tier === 3 || (confirmation !== null && confirmation.policy !== 'client') ? 'confirm' : 'runs'
}

export function verdictWords(action: JudgedAction): string {
  const verdict = verdictOf(action)
  if (verdict === 'refused') return 'Refused'
  if (verdict === 'never') return 'Never'
  if (verdict === 'runs') return 'Runs'
  return POLICY_WORDS[action.confirmation?.policy ?? 'client'].name
}

export function ruleSubject({ tool, area, tier }: Pick<Rule, 'tool' | 'area' | 'tier'>): string {
  if (tool !== null) return tier === null ? tool : `${tool}, tier ${tier}`
  const what = area === null ? 'All tools' : `Area ${area}`
  return tier === null ? what : `${what}, tier ${tier}`
}

export const LIMIT_WORDS: Readonly<Record<LimitCount['limit'], string>> = {
  messages: 'Messages a minute',
  streams_opened: 'Streams opened a minute',
  streams_open: 'Streams open now',
  acts: 'Acts a minute',
}
