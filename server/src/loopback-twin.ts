/** On one's own computer a server has several names. Whoever uses another one than its public URL does is not turned away. */

const NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/** The origin by which a request with this Host names the server, where it is the public one by another loopback name. */
export function loopbackTwin(host: string | null | undefined, publicUrl: string): string | null {
  const wanted = new URL(publicUrl)
  const asked = /^[\w.[\]:-]+$/.test(host ?? '') ? URL.parse(`${wanted.protocol}//${host}`) : null
  if (!asked || asked.host === wanted.host || asked.port !== wanted.port) return null
  return NAMES.has(asked.hostname) && NAMES.has(wanted.hostname) ? asked.origin : null
}
