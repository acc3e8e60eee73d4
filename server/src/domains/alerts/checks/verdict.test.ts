import { describe, expect, it } from 'vitest'
import { judge, lastLines } from './verdict.ts'

const end = (exitCode: number | null, output = '', state: Parameters<typeof judge>[1]['state'] = 'failed') => ({
  state,
  exitCode,
  output,
})

describe('a check', () => {
  it('fails with an exit code other than 0, unless it is said which count', () => {
    expect(judge({}, end(0, '', 'succeeded')).verdict).toBe('clear')
    expect(judge({}, end(1)).verdict).toBe('fire')
    expect(judge({ exit_codes: [2] }, end(1)).verdict).toBe('clear')
    expect(judge({ exit_codes: [0, 2] }, end(0, '', 'succeeded')).verdict).toBe('fire')
  })

  it('fails where a line of its output holds a pattern, whatever the case', () => {
    const asked = { output: 'disk * degraded' }
    expect(judge(asked, end(0, 'fine\nDisk sda is DEGRADED now\n', 'succeeded')).verdict).toBe('fire')
    expect(judge(asked, end(1, 'disk sda\nis degraded')).verdict).toBe('clear')
    expect(judge({ ...asked, exit_codes: [9] }, end(9)).verdict).toBe('fire')
    expect(judge({ output: 'a.c' }, end(0, 'abc', 'succeeded')).verdict).toBe('clear')
  })

  it('says nothing where it was not run to its end', () => {
    for (const state of ['timed_out', 'rejected', 'interrupted', 'expired', 'cancelled'] as const)
      expect(judge({}, end(1, '', state))).toEqual({ verdict: 'no_data', reason: expect.any(String) })
    expect(judge({}, end(null)).verdict).toBe('no_data')
  })

  it('keeps the last lines', () => {
    const lines = Array.from({ length: 50 }, (_, n) => `line ${n}`)
    expect(lastLines(`${lines.join('\n')}\n`)?.split('\n')).toEqual(lines.slice(-20))
    expect(lastLines('x'.repeat(9000))).toHaveLength(2000)
    expect(lastLines(null)).toBeNull()
  })
})
