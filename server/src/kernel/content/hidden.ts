/** Characters that a person does not see and a model still reads. */

// Controls but tab, newline and carriage return; soft hyphen; bidi marks, overrides and isolates; zero-width, filler and
// invisible operator characters; variation selectors of the supplement; tag characters; half surrogate pairs.
const HIDDEN = new RegExp(
  String.raw`[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|\udb40[\udc00-\uddef]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]`,
  'g',
)

/** Shows hidden characters as U+FFFD instead of passing them on. */
export function neutralise(text: string): string {
  return text.replace(HIDDEN, '\ufffd')
}

/** Applied to every string of an answer: whatever was stored, hidden characters stop here. Names of fields too. */
export function neutraliseAll<T>(value: T): T {
  // A copy of the same shape.
  return walk(value) as T
}

function walk(value: unknown): unknown {
  if (typeof value === 'string') return neutralise(value)
  if (Array.isArray(value)) return value.map(walk)
  if (value !== null && typeof value === 'object') {
    const copy: Record<string, unknown> = {}
    for (const [key, item] of Object.entries(value)) copy[neutralise(key)] = walk(item)
    return copy
  }
  return value
}
