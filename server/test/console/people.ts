/** People with a password, and browsers of theirs. */
import { hash } from '@node-rs/argon2'
import { expect } from 'vitest'
import { codeOf, stepAt } from '../../src/identity/totp.ts'
import type { Harness } from '../harness.ts'
import { TestBrowser } from './browser.ts'

export const PASSWORD = 'correct horse battery staple'
const hashed = hash(PASSWORD)

export interface Person {
  id: string
  email: string
}

export async function person(harness: Harness, role: string, organization: string | null = null): Promise<Person> {
  const id = await harness.user(role, organization)
  await harness.sql('update users set password_hash = $2 where id = $1', [id, await hashed])
  return { id, email: `${id}@example.test` }
}

/** What a client sends that stands behind these addresses; the harness trusts the loopback interface as a proxy. */
export const from = (address: string) => ({ 'x-forwarded-for': address })

export async function signedIn(harness: Harness, { email }: Person, password = PASSWORD): Promise<TestBrowser> {
  const browser = new TestBrowser(harness.server.url)
  expect((await browser.post('sign-in', { email, password })).json).toEqual({ state: 'signed_in' })
  return browser
}

/** The time has passed in which the last proof counted. */
export const forgetProof = (harness: Harness, userId: string) =>
  harness.sql(`update sessions set proven_at = now() - interval '11 minutes' where user_id = $1`, [userId])

/** An authenticator app: reads the secret as the page shows it. */
export function authenticatorApp(secret: string) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...secret].map((char) => alphabet.indexOf(char).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
  return { codeAt: (steps: number): string => codeOf(key, stepAt(new Date()) + steps) }
}

/** Turns codes on in a browser that is signed in. The code of the step before was used for it. */
export async function withTotp(browser: TestBrowser) {
  const started = await browser.post('account/totp')
  const app = authenticatorApp(String(started.json['secret']))
  const confirmed = await browser.post('account/totp/confirm', { code: app.codeAt(-1) })
  expect(confirmed.status).toBe(200)
  return { app, secret: String(started.json['secret']), recovery: (confirmed.json['recovery_codes'] ?? []) as string[] }
}
