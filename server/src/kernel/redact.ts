/** What may be written down: secrets in inputs are masked by the name of their field and by their form. */
import { maskText } from './content/secrets.ts'

const SECRET_KEY =
  /^(?:.*[_-])?(?:passwd|passphrase|secrets?|token|confirmation|api_?key|webhook_url|authorization|cookie|private_?key)$|password$/i
/** What a name ends with says what it is. */
const LONGEST_KEY = 100

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
