import { describe, expect, it } from 'vitest'
import { CHECK_IDS } from '../checks/all.ts'
import { BUILT_IN } from './built-in.ts'
import { severityOf } from './framework.ts'

describe.each(BUILT_IN.map((framework) => [framework.id, framework] as const))('%s', (_id, { controls }) => {
  it('names each control once, and no check that there is not', () => {
    expect(new Set(controls.map(({ id }) => id)).size).toBe(controls.length)
    for (const { checks } of controls) for (const check of checks) expect(CHECK_IDS).toContain(check)
  })

  it('says of every control whether it is measured, and claims it only where a check speaks', () => {
    for (const control of controls) {
      expect([control.id, control.measure === 'attestation']).toEqual([control.id, control.checks.length === 0])
      expect(control.statement).toMatch(/\.$/)
      expect(`${control.title} ${control.statement}`).not.toMatch(/complian/i)
      expect(severityOf(control)).toMatch(/^(critical|high|medium|low)$/)
    }
  })
})

it('knows all safeguards of CIS Controls 8.1', () => {
  const counts = new Map<string, number>()
  for (const { id } of BUILT_IN[0].controls) {
    const group = id.split('.')[0] ?? ''
    counts.set(group, (counts.get(group) ?? 0) + 1)
  }
  expect([...counts.values()]).toEqual([5, 7, 14, 12, 6, 8, 7, 12, 7, 7, 5, 8, 11, 9, 7, 14, 9, 5])
  expect(BUILT_IN[0].controls).toHaveLength(153)
})

it('uses every check somewhere', () => {
  const used = new Set(BUILT_IN.flatMap(({ controls }) => controls.flatMap(({ checks }) => checks)))
  expect(CHECK_IDS.filter((id) => !used.has(id))).toEqual([])
})
