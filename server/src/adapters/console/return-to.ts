/** Where a browser goes after it signed in: a page of this server, whatever the address that was asked for says. */

/** Path, query and fragment; `/` for everything that leads elsewhere. */
export function returnPath(wanted: string | undefined, publicUrl: string): string {
  // What browsers read differently from us: backslashes as slashes, and control characters as nothing.
  if (wanted === undefined || !/^\/(?![/\\])/.test(wanted) || /[\\\p{Cc}]/u.test(wanted) || wanted.length > 2000)
    return '/'
  const url = URL.parse(wanted, publicUrl)
  if (!url || url.origin !== new URL(publicUrl).origin) return '/'
  // A dotted path may normalise to one that begins with two slashes: another host.
  return url.pathname.startsWith('//') ? '/' : `${url.pathname}${url.search}${url.hash}`
}
