/** What may be written down and what may be read: secrets masked in inputs, control characters neutralised in outputs. */

const SECRET_KEY =
  /^(?:.*[_-])?(?:passwd|passphrase|secret|token|confirmation|api_?key|authorization|cookie|private_?key)$|password$/i
/** What a name ends with says what it is. */
const LONGEST_KEY = 100
const SECRET_TEXT: readonly [RegExp, string][] = [
  [/\b(brz[a-z]{0,2}_)[A-Za-z0-9_-]{8,}/g, '$1[masked]'],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{12,}/gi, '$1 [masked]'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, '[masked private key]'],
  [/\bAKIA[0-9A-Z]{16}\b/g, '[masked AWS key]'],
  [/\bgh[pousr]_[A-Za-z0-9]{30,}/g, '[masked GitHub token]'],
  [/((?:password|passwd|pwd|passphrase|secret|token|api[_-]?key)["']?\s*[=:]\s*)(["']?)[^\s"']{3,}\2/gi, '$1[masked]'],
  [/(\/\/[^\s/:@]{1,64}):[^\s/@]{1,256}@/g, '$1:[masked]@'],
]

export function maskText(text: string): string {
  let masked = text
  for (const [pattern, replacement] of SECRET_TEXT) masked = masked.replace(pattern, replacement)
  return masked
}

/** A copy of a parsed input that may stand in the audit. */
export function maskSecrets(value: unknown, key = ''): unknown {
  // Whatever stands under such a name: a number, a list or an object too.
  if (SECRET_KEY.test(key.slice(-LONGEST_KEY)) && value !== null && typeof value !== 'boolean') return '[masked]'
  if (typeof value === 'string') return maskText(value)
  // A list under such a name is masked by now: its items need not be asked again, each for a name that may be long.
  if (Array.isArray(value)) return value.map((item) => maskSecrets(item))
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, maskSecrets(item, name)]))
  }
  return value
}

// Controls but tab, newline and carriage return; bidi overrides and isolates; zero-width and tag characters. What they
// hide from a person's eye, a model still reads.
const HIDDEN = new RegExp(
  String.raw`[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]|\udb40[\udc00-\udc7f]`,
  'g',
)

/** Shows hidden characters as U+FFFD instead of passing them on. */
export function neutralise(text: string): string {
  return text.replace(HIDDEN, '\ufffd')
}

/** Applied to every string of an answer: the one path by which stored text reaches a caller. */
export function neutraliseAll<T>(value: T): T {
  return walk(value) as T
}

function walk(value: unknown): unknown {
  if (typeof value === 'string') return neutralise(value)
  if (Array.isArray(value)) return value.map(walk)
  if (value !== null && typeof value === 'object') {
    const copy: Record<string, unknown> = {}
    for (const [key, item] of Object.entries(value)) copy[key] = walk(item)
    return copy
  }
  return value
}
