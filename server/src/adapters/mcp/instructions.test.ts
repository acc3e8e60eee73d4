import { expect, it } from 'vitest'
import { INSTRUCTIONS } from './instructions.ts'

it('puts what a model must know into the first 512 characters, and stays under 2 KB', () => {
  const [summary = ''] = INSTRUCTIONS.split('\n\n')
  expect(summary.length).toBeLessThanOrEqual(512)
  expect(summary).toContain('confirmation token')
  expect(INSTRUCTIONS.length).toBeLessThan(2_048)
})
