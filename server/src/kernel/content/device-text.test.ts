import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { injections, secretSamples } from '../../../test/corpora/corpora.ts'
import { deviceData, deviceText, deviceWords, fenced, quoted } from './device-text.ts'

const ALL = Object.values(injections).flat()
// Written as text: a rule of the linter is against control characters in patterns.
const UNSEEN = new RegExp(
  String.raw`[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\udb40`,
)

describe('words of a device', () => {
  test.each(ALL)('%j: nothing in it stays unseen', (text) => {
    expect(deviceWords(text, 1000)).not.toMatch(UNSEEN)
  })

  test('a secret is masked also where a hidden character was put into its name', () => {
    expect(deviceWords('pass\u200bword=hunter2hunter2 token=abcdefgh1234', 1000)).not.toContain('abcdefgh1234')
  })

  test('are cut at the bound, without half a character or half a secret', () => {
    expect(deviceWords('😀'.repeat(10), 3)).toBe('😀\ufffd…')
    const [sample] = secretSamples(() => 1)
    expect(deviceWords(`${'x'.repeat(90)} ${sample?.text}`, 100)).not.toContain(sample?.parts[0]?.slice(0, 8))
  })
})

describe('the fence', () => {
  test.each(ALL)('%j: can not be closed or imitated from within', (text) => {
    const lines = fenced('output of web01', text, 1000).split('\n')
    const fences = lines.filter((line) => /^\s*\[/.test(line) && /end of|untrusted device content/i.test(line))
    expect(fences).toEqual([lines[0], lines.at(-1)])
  })

  test('a quotation stays within its quotes and its line', () => {
    for (const text of ALL) expect(quoted(text, 200)).toMatch(/^"[^"\n\r\u2028]*"$/)
  })
})

describe('fields of an answer', () => {
  const answer = z.object({ output: deviceText(50), facts: deviceData() })

  test('are cleaned as the answer is made, however deep they lie', () => {
    const facts = { disks: [{ mount: '/a\u202eb', note: 'password=hunter2hunter2' }], 'k\u0007': 1 }
    expect(answer.parse({ output: 'x'.repeat(80), facts })).toEqual({
      output: `${'x'.repeat(50)}…`,
      facts: { disks: [{ mount: '/a\ufffdb', note: 'password=[masked]' }], 'k\ufffd': 1 },
    })
  })

  test('tell their readers whose words they are', () => {
    expect(JSON.stringify(z.toJSONSchema(answer))).toMatch(/Untrusted device content.*Untrusted device content/)
  })

  test('are bounded in depth and number', () => {
    let deep: unknown = 'x'
    for (let level = 0; level < 20; level++) deep = [deep]
    expect(JSON.stringify(answer.parse({ output: '', facts: deep }))).toContain('deeper content left out')
    const many = answer.parse({ output: '', facts: Array.from({ length: 5000 }, () => 0) })
    expect(many.facts).toHaveLength(1000)
  })
})
