/** Secrets in text: found by their form, or by the name they stand beside. Values that only look like one stay. */
import { SECRET_FORMATS } from './secret-formats.ts'

/** Names that say that what follows is secret. The last word counts: `db_password`, `clientSecret`, `X-Api-Key`. */
const NAME = String.raw`(?:pass(?:word|wd|phrase|code)|pwd|secret(?:[_-]?(?:access[_-]?)?key)?|(?:access|auth|refresh|session|security|bearer|id|bot|api)?[_-]?token|api[_-]?key|access[_-]?key|private[_-]?key|encryption[_-]?key|master[_-]?key|client[_-]?secret|credential|connection[_-]?string)`
const VALUE = String.raw`(?:"(?:[^"\\\n]|\\.){3,1000}"|'(?:[^'\\\n]|\\.){3,1000}'|[^\s"'<>;,&(){}\[\]]{3,1000})`

const ASSIGNED = new RegExp(
  // `name = value`, `"name": "value"`, `name=value;`, `name => value`
  String.raw`((?:\b|_|(?<=[a-z]))${NAME}["']?\s{0,4}(?::=|=>|[=:])\s{0,4})(${VALUE})`,
  'gi',
)
const OPTION = new RegExp(
  // `--password value`, `-Password value`, `/password:value`
  String.raw`((?:--|-|/)[\w-]{0,40}${NAME}(?:\s{1,4}|:))(${VALUE})`,
  'gi',
)
const ANY_NAME = new RegExp(NAME, 'i')

/** What stands where a secret could, and is none. */
const HARMLESS =
  /^["']?(?:true|false|yes|no|on|off|null|nil|none|undefined|empty|unset|required|optional|enabled|disabled|default|unlimited|changed|expired|invalid|incorrect|wrong|missing|unknown|failed|failure|authentication|password|prohibit-password|without-password|forced-commands-only|\*+|x+|<[^>]*>|\[masked[^\]]*|\$\{?\w+\}?|\$\(.*|%\w+%|\d{1,4}|[\d.]+ ?(?:ms|s|min|h|d|kb|mb|gb)?)["']?[.,]?$/i
/** A path to a file that holds it. */
const PATH =
  /^["']?(?:[a-z]:\\|\.{1,2}\/|~\/|file:|\/(?:etc|var|run|usr|home|opt|root|tmp|srv|mnt|media|dev|proc|sys|bin|sbin|lib|boot|Users|Library|Applications)(?:\/|$))/i

export function maskText(text: string): string {
  let masked = text
  const lower = text.toLowerCase()
  for (const { name, hint, pattern, replacement } of SECRET_FORMATS) {
    if (lower.includes(hint)) masked = masked.replace(pattern, replacement ?? `[masked ${name}]`)
  }
  if (!ANY_NAME.test(masked)) return masked
  return masked.replace(ASSIGNED, keepOrMask).replace(OPTION, keepOrMask)
}

function keepOrMask(whole: string, before: string, value: string): string {
  if (HARMLESS.test(value) || PATH.test(value)) return whole
  const quote = /^["']/.exec(value)?.[0] ?? ''
  return `${before}${quote}[masked]${quote}`
}
