/** A browser as far as the console's API is concerned: keeps its cookie, and says that it is one of our pages. */
export class TestBrowser {
  readonly #origin: string
  #cookies = new Map<string, string>()

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
    return other
  }

  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(`${this.#origin}/api/console/${path}`, {
      method,
      redirect: 'manual',
      headers: {
        'x-breeze-console': '1',
        ...(method !== 'GET' && { 'content-type': 'application/json' }),
        ...(this.#cookies.size > 0 && {
          cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        }),
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

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split(';')
    const name = pair.slice(0, pair.indexOf('='))
    const value = pair.slice(pair.indexOf('=') + 1)
    const gone = attributes.some((attribute) => /^\s*max-age=0$/i.test(attribute)) || value === ''
    if (gone) this.#cookies.delete(name)
    else this.#cookies.set(name, value)
  }
}
