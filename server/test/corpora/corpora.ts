/** Texts that hostile or careless devices produce. Secrets are made anew for each run: nothing in this folder is one. */
import injections from './injections.json' with { type: 'json' }
import notSecrets from './not-secrets.json' with { type: 'json' }
import secrets from './secrets.json' with { type: 'json' }

const LOWER = 'abcdefghijklmnopqrstuvwxyz'
const UPPER = LOWER.toUpperCase()
const DIGITS = '0123456789'
const ALPHABETS: Readonly<Record<string, string>> = {
  alnum: LOWER + UPPER + DIGITS,
  b64: `${LOWER}${UPPER}${DIGITS}+/`,
  digit: DIGITS,
  hex: `${DIGITS}abcdef`,
  prod: 'BCDFGHJKMNPQRTVWXY2346789',
  upper: UPPER + DIGITS,
  word: `${LOWER}${UPPER}${DIGITS}_-`,
  word0: `${LOWER}${UPPER}${DIGITS}_`,
  word64: `${LOWER}${UPPER}${DIGITS}./`,
}

export interface SecretSample {
  format: string
  text: string
  /** The made-up parts, none of which may reach a caller. */
  parts: string[]
}

/** `random(n)`: an integer from 0 to n - 1. */
export function secretSamples(random: (n: number) => number): SecretSample[] {
  return secrets.map(({ format, text }) => {
    const parts: string[] = []
    const filled = text.replaceAll(/\{(\w+):(\d+)\}/g, (whole, name: string, length: string) => {
      const alphabet = ALPHABETS[name]
      if (alphabet === undefined) return whole
      const part = Array.from({ length: Number(length) }, () => alphabet[random(alphabet.length)]).join('')
      parts.push(part)
      return part
    })
    return { format, text: filled, parts }
  })
}

export { injections, notSecrets }
