/** RFC 8707: every address of MCP here is one logical resource, so a token for any of them is a token for all (CON-1). */
import { loopbackTwin } from '../loopback-twin.ts'

export class Resources {
  /** Tokens are made out to this one. */
  readonly canonical: string
  readonly #origin: string
  readonly #isResource: (path: string) => boolean

  constructor(publicUrl: string, mainPath: string, isResource: (path: string) => boolean) {
    this.#origin = new URL(publicUrl).origin
    this.canonical = `${this.#origin}${mainPath}`
    this.#isResource = isResource
  }

  isOurs(value: string): boolean {
    const url = URL.parse(value)
    const known = url && (url.origin === this.#origin || loopbackTwin(url.host, this.#origin) === url.origin)
    if (!known || url.username !== '' || url.hash !== '' || url.search !== '') return false
    const path = url.pathname.replace(/\/$/, '')
    return path === '' || this.#isResource(path)
  }

  /** Ours become the canonical one. Foreign ones stay alone, and are refused by the library: it would overlook them beside ours. */
  normalise(params: URLSearchParams): void {
    const asked = params.getAll('resource')
    if (asked.length === 0) return
    params.delete('resource')
    const foreign = asked.filter((value) => !this.isOurs(value))
    for (const value of foreign.length > 0 ? foreign : [this.canonical]) params.append('resource', value)
  }
}
