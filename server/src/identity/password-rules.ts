/** What a password of a person must be (NIST SP 800-63B §3.1.1: length, and no rules of composition). */
import { hash } from '@node-rs/argon2'
import { z } from 'zod'

export const SHORTEST_PASSWORD = 12

export const passwordField = z.string().max(1000)

/** One sentence for the person; null when it will do. */
export function passwordProblem(password: string, email: string): string | null {
  if ([...password].length < SHORTEST_PASSWORD) return `A password has at least ${SHORTEST_PASSWORD} characters.`
  const plain = password.toLowerCase()
  const address = email.toLowerCase()
  if (plain.includes(address) || address.includes(plain)) return 'A password must not hold the e-mail address.'
  if (new Set(plain).size < 5) return 'A password needs more than a few different characters.'
  return null
}

/** Takes a while on purpose: never inside a transaction. */
export const hashPassword = (password: string): Promise<string> => hash(password)
