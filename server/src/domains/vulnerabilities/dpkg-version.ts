/** The order of Debian's versions, as dpkg compares them (deb-version(7)). */

interface Version {
  epoch: number
  upstream: string
  revision: string
}

/** Less than, equal to or greater than 0, as `a` is before, the same as or after `b`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)]
  return (
    left.epoch - right.epoch || comparePart(left.upstream, right.upstream) || comparePart(left.revision, right.revision)
  )
}

function parse(text: string): Version {
  const trimmed = text.trim()
  const colon = trimmed.indexOf(':')
  const epoch = colon > 0 ? Number(trimmed.slice(0, colon)) : 0
  const rest = trimmed.slice(colon + 1)
  const hyphen = rest.lastIndexOf('-')
  return {
    epoch: Number.isFinite(epoch) ? epoch : 0,
    upstream: hyphen < 0 ? rest : rest.slice(0, hyphen),
    revision: hyphen < 0 ? '' : rest.slice(hyphen + 1),
  }
}

/** In turns a part without digits, by `rank`, and a number. */
function comparePart(a: string, b: string): number {
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    while ((i < a.length && !isDigit(a, i)) || (j < b.length && !isDigit(b, j))) {
      const difference = rank(a, i) - rank(b, j)
      if (difference !== 0) return difference
      i += 1
      j += 1
    }
    const [endOfA, endOfB] = [endOfNumber(a, i), endOfNumber(b, j)]
    const difference = compareNumbers(a.slice(i, endOfA), b.slice(j, endOfB))
    if (difference !== 0) return difference
    i = endOfA
    j = endOfB
  }
  return 0
}

const ZERO = 48
const isDigit = (text: string, at: number): boolean => {
  const code = text.charCodeAt(at)
  return code >= ZERO && code < ZERO + 10
}

/** A tilde before everything, even the end; the end and digits before letters; letters before the rest. */
function rank(text: string, at: number): number {
  if (at >= text.length || isDigit(text, at)) return 0
  const character = text.charAt(at)
  if (character === '~') return -1
  return /[A-Za-z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256
}

function endOfNumber(text: string, from: number): number {
  let end = from
  while (end < text.length && isDigit(text, end)) end += 1
  return end
}

/** As texts: a version may hold a longer number than a number holds. */
function compareNumbers(a: string, b: string): number {
  const [left, right] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')]
  if (left.length !== right.length) return left.length - right.length
  return left === right ? 0 : left < right ? -1 : 1
}

/** A span of versions: from `introduced` on, up to and without `fixed`, or up to and with `lastAffected`. */
export interface VersionRange {
  /** `0`: from the first. */
  introduced: string
  fixed?: string | undefined
  lastAffected?: string | undefined
}

/** Null where the version is in none of the ranges; otherwise the version that repairs it, if there is one. */
export function affected(version: string, ranges: readonly VersionRange[]): { fixed: string | null } | null {
  for (const { introduced, fixed, lastAffected } of ranges) {
    if (introduced !== '0' && compareVersions(version, introduced) < 0) continue
    if (fixed !== undefined && compareVersions(version, fixed) >= 0) continue
    if (lastAffected !== undefined && compareVersions(version, lastAffected) > 0) continue
    return { fixed: fixed ?? null }
  }
  return null
}
