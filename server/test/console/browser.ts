/** A browser as far as the console's API is concerned: keeps its cookie, and says that it is one of our pages. */
export class TestBrowser {
  readonly #origin: string
  #cookies = new Map<string, string>()
  /** Those for one path only, by path. */
  #bound = new Map<string, Map<string, string>>()

  constructor(origin: string) {
    this.#origin = origin
  }

  get cookies(): ReadonlyMap<string, string> {
    return this.#cookies
  }

  /** Another browser with the same cookies, as a thief would have it. */
  copy(): TestBrowser {
    const other = new TestBrowser(this.#origin)
    other.#cookies = new Map(this.#cookies)
    other.#bound = new Map([...this.#bound].map(([path, cookies]) => [path, new Map(cookies)]))
    return other
  }

  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(`${this.#origin}/api/console/${path}`, {
      method,
      redirect: 'manual',
      headers: {
        'x-breeze-console': '1',
        ...(method !== 'GET' && { 'content-type': 'application/json' }),
        ...this.#cookieHeader(`/api/console/${path}`),
        ...headers,
      },
      ...(method !== 'GET' && { body: JSON.stringify(body ?? {}) }),
    })
    for (const line of response.headers.getSetCookie()) this.#keep(line)
    const text = await response.text()
    const json: Record<string, unknown> = text.startsWith('{') ? JSON.parse(text) : {}
    return { status: response.status, headers: response.headers, json }
  }

  get(path: string, headers?: Record<string, string>) {
    return this.send('GET', path, undefined, headers)
  }

  post(path: string, body?: unknown, headers?: Record<string, string>) {
    return this.send('POST', path, body, headers)
  }

  /** Opens an address as a person would, and does not follow where it leads. */
  async visit(address: string) {
    const url = new URL(address, this.#origin)
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { accept: 'text/html', ...this.#cookieHeader(url.pathname) },
    })
    for (const line of response.headers.getSetCookie()) this.#keep(line)
    const location = response.headers.get('location')
    return { status: response.status, headers: response.headers, location, body: await response.text() }
  }

  #cookieHeader(path: string): Record<string, string> {
    const bound = [...this.#bound].filter(([under]) => path === under || path.startsWith(`${under}/`))
    const cookies = [...this.#cookies, ...bound.flatMap(([, of]) => [...of])]
    return cookies.length === 0 ? {} : { cookie: cookies.map(([name, value]) => `${name}=${value}`).join('; ') }
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split(';')
    const name = pair.slice(0, pair.indexOf('='))
    const value = pair.slice(pair.indexOf('=') + 1)
    const gone = attributes.some((attribute) => /^\s*max-age=0$/i.test(attribute)) || value === ''
    const path = attributes.flatMap((attribute) => /^\s*path=(.+)$/i.exec(attribute)?.[1] ?? [])[0] ?? '/'
    if (path !== '/' && !this.#bound.has(path)) this.#bound.set(path, new Map())
    const jar = path === '/' ? this.#cookies : this.#bound.get(path)
    if (gone) jar?.delete(name)
    else jar?.set(name, value)
  }
}
