import { describe, expect, it } from 'vitest'
import { isCalled, type Offered, type PatchRule, standing } from './rules.ts'

const NOW = new Date('2027-03-10T12:00:00Z')
const update = (more: Partial<Offered> = {}): Offered => ({
  name: 'openssl',
  article: null,
  security: true,
  severity: 'critical',
  firstSeenAt: new Date('2027-03-06T12:00:00Z'),
  ...more,
})
const rule = (more: Partial<PatchRule> = {}): PatchRule => ({
  id: 'r',
  organizationId: null,
  name: 'a rule',
  decision: 'approve',
  match: {},
  delayDays: 0,
  ...more,
})
const judged = (rules: PatchRule[], of = update()) => standing(rules, 'mine', of, NOW)

describe('an update', () => {
  it('is approved where nobody says anything of approval', () => {
    expect(judged([])).toBe('approved')
    expect(judged([rule({ organizationId: 'other', match: { severities: ['low'] } })])).toBe('approved')
  })

  it('needs a rule that approves it where there are such rules', () => {
    expect(judged([rule({ match: { severities: ['low'] } })])).toBe('not_approved')
    expect(judged([rule({ match: { severities: ['critical'], classification: 'security' } })])).toBe('approved')
    expect(judged([rule({ match: { classification: 'security' } })], update({ security: null }))).toBe('not_approved')
  })

  it('waits as many days as its rule says', () => {
    expect(judged([rule({ delayDays: 4 })])).toBe('approved')
    expect(judged([rule({ delayDays: 5 })])).toBe('not_yet')
    expect(judged([rule({ delayDays: 5 }), rule({ delayDays: 1 })])).toBe('approved')
  })

  it('is blocked by any rule that blocks it, of the organization or of the partner', () => {
    const bad = rule({ decision: 'block', match: { articles: ['KB5034441'] } })
    const of = update({ article: 'KB5034441' })
    expect(judged([rule({ organizationId: 'mine' }), bad], of)).toBe('blocked')
    expect(judged([rule(), { ...bad, organizationId: 'mine' }], of)).toBe('blocked')
    expect(judged([rule(), { ...bad, organizationId: 'other' }], of)).toBe('approved')
  })
})

it('finds names by their parts', () => {
  for (const pattern of ['linux-image-*', '*-generic', 'LINUX*generic', '*image*', '*', 'linux-image-6-generic'])
    expect(isCalled('linux-image-6-generic', pattern), pattern).toBe(true)
  for (const pattern of ['linux', '*image', 'linux-image-6-generic*x', 'a*', 'linux-image-6-generic*generic'])
    expect(isCalled('linux-image-6-generic', pattern), pattern).toBe(false)
  const started = performance.now()
  expect(isCalled('a'.repeat(300), `${'*a'.repeat(149)}*b`)).toBe(false)
  expect(performance.now() - started).toBeLessThan(200)
})
