import { describe, expect, it } from 'vitest'
import { neutralise } from './content/hidden.ts'
import { maskSecrets } from './redact.ts'

describe('what enters the audit', () => {
  it('masks values by the name of their field and secrets by their form', () => {
    const input = {
      password: 'hunter2',
      nested: [{ token: 'abc', note: 'use brz_abcdefghijklmnop' }],
      content: 'curl -H "Authorization: Bearer abcdefghijklmnop" https://user:pass@host/',
    }
    const masked = JSON.stringify(maskSecrets(input))
    for (const secret of ['hunter2', 'abc"', 'brz_abcdefgh', 'abcdefghijklmnop', 'user:pass@'])
      expect(masked).not.toContain(secret)
  })

  it('leaves ordinary text alone', () => {
    const input = { content: 'systemctl restart nginx', devices: ['ACME-PC-07'], limit: 25 }
    expect(maskSecrets(input)).toEqual(input)
  })
})

describe('what reaches a caller', () => {
  it('shows hidden characters instead of passing them on', () => {
    expect(neutralise('a\u202Eb\u0000c\u200Bd\u{E0041}e')).toBe('a\uFFFDb\uFFFDc\uFFFDd\uFFFDe')
  })

  it('keeps line breaks, tabs and every script of the world', () => {
    const text = 'línea\n\tзона 日本 😀'
    expect(neutralise(text)).toBe(text)
  })
})
