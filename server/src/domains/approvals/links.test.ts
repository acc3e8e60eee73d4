import { randomBytes, randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { SecretBox } from '../../keys/secret-box.ts'
import { checkLink, linkTo } from './links.ts'

const keyed = new SecretBox(randomBytes(32))
const operation: string = randomUUID()
const END = new Date('2026-11-26T12:00:00Z')
const link = new URL(linkTo(keyed, 'https://rmm.example.test', operation, END)).searchParams.get('link') ?? ''
const codeFor = (presented: string, of = operation, now = new Date(END.getTime() - 1)) => {
  try {
    checkLink(keyed, of, presented, now)
    return 'good'
  } catch (error) {
    return error instanceof Error ? error.message.split(':')[0] : ''
  }
}

describe("a request's link", () => {
  it('is good for its request until its end', () => {
    expect([codeFor(link), codeFor(link, operation.toUpperCase())]).toEqual(['good', 'good'])
    expect(codeFor(link, operation, END)).toBe('confirmation_expired')
  })

  it('is refused when anything of it was altered, made up or taken from another request', () => {
    const [, until = '', code = ''] = link.split('.')
    const other = new SecretBox(randomBytes(32))
    const forged = new URL(linkTo(other, 'https://rmm.example.test', operation, END)).searchParams.get('link') ?? ''
    for (const bad of [
      `v1.${Number(until) + 3600}.${code}`,
      `v1.${until}.${code.slice(0, -2)}AA`,
      `v1.${until}.`,
      `v1..${code}`,
      '',
      forged,
    ])
      expect([bad, codeFor(bad)]).toEqual([bad, 'confirmation_invalid'])
    expect(codeFor(link, randomUUID())).toBe('confirmation_invalid')
  })
})
