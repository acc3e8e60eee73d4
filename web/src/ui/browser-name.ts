/** What a browser calls itself, short. It is the client's own word. */
export function browserName(userAgent: string | null): string {
  if (userAgent === null) return 'Unknown browser'
  const browser = /(Edg|Firefox|Chrome|Safari)\//.exec(userAgent)?.[1]
  const system = /Windows|Android|iPhone|iPad|Mac OS X|Linux/.exec(userAgent)?.[0]
  if (browser === undefined) return userAgent.slice(0, 60)
  return [browser === 'Edg' ? 'Edge' : browser, system && `on ${system === 'Mac OS X' ? 'macOS' : system}`]
    .filter(Boolean)
    .join(' ')
}
