/** Where a program may ask to be sent back to. */

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])
/** Schemes of programs that have no dot in them; every other one must be a reversed domain name (RFC 8252 §7.1). */
const APPS: ReadonlySet<string> = new Set(['cursor:', 'vscode:', 'vscode-insiders:', 'windsurf:', 'zed:', 'goose:'])
const LONGEST = 2000

export type RedirectKind = 'web' | 'loopback' | 'app'

/** Null for what may never be one. Decided on the text as it was written: a browser must not read another address in it. */
export function redirectKind(uri: string): RedirectKind | null {
  if (uri.length > LONGEST || !/^[\x21-\x7e]+$/.test(uri) || /[\\*<>"{}|^`#]/.test(uri)) return null
  const url = URL.parse(uri)
  if (!url || url.username !== '' || url.password !== '') return null
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?]*)/i.exec(uri)?.[1]
  if (url.protocol === 'https:' || url.protocol === 'http:') {
    // Percent signs, upper case or a different form of the address: what is shown would not be where it leads.
    if (authority === undefined || authority.includes('%') || authority.includes('@')) return null
    const written = authority.replace(/:\d{1,5}$/, '').toLowerCase()
    if (written !== url.hostname) return null
    if (/\/\.{1,2}(?:\/|$|\?)|%2e|%2f|%5c/i.test(uri)) return null
    if (url.protocol === 'http:') return LOOPBACK.has(url.hostname) ? 'loopback' : null
    return isDomain(url.hostname) ? 'web' : null
  }
  const scheme = url.protocol
  if (!APPS.has(scheme) && !/^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:$/.test(scheme)) return null
  return 'app'
}

/** A name with a dot. Names that only look like Latin letters come as `xn--`, and are shown as that. */
function isDomain(host: string): boolean {
  return /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/.test(host)
}

/** What a person is shown of it. */
export function redirectFacts(uri: string): { host: string; loopback: boolean; scheme: string } {
  const url = new URL(uri)
  const kind = redirectKind(uri)
  return {
    host: kind === 'app' ? url.protocol : url.hostname,
    loopback: kind === 'loopback',
    scheme: url.protocol.slice(0, -1),
  }
}

/** A program on the person's own machine may register one spelling of it and use the other. */
export function withTwins(uris: readonly string[]): string[] {
  const all = new Set(uris)
  for (const uri of uris) {
    if (redirectKind(uri) !== 'loopback') continue
    if (uri.startsWith('http://127.0.0.1')) all.add(uri.replace('http://127.0.0.1', 'http://localhost'))
    else if (uri.startsWith('http://localhost')) all.add(uri.replace('http://localhost', 'http://127.0.0.1'))
  }
  return [...all]
}
