/** The console's cookie. `__Host-` binds it to this host and to TLS; plain http exists on the loopback interface only. */
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { HttpEnv } from '../http/types.ts'

export class SessionCookie {
  readonly #secure: boolean
  readonly #name: string

  /** `breeze_session` holds who is signed in; `breeze_flow` what this browser has begun before that. */
  constructor(publicUrl: string, name: 'breeze_session' | 'breeze_flow' = 'breeze_session') {
    this.#name = name
    this.#secure = publicUrl.startsWith('https:')
  }

  get name(): string {
    return this.#secure ? `__Host-${this.#name}` : this.#name
  }

  read(context: Context<HttpEnv>): string | null {
    return getCookie(context, this.name) ?? null
  }

  write(context: Context<HttpEnv>, token: string, expires: Date): void {
    setCookie(context, this.name, token, { ...this.#attributes(), expires })
  }

  clear(context: Context<HttpEnv>): void {
    deleteCookie(context, this.name, this.#attributes())
  }

  #attributes() {
    // Lax, not Strict: a person who comes from an assistant's page must still be signed in.
    return { httpOnly: true, sameSite: 'Lax', path: '/', secure: this.#secure } as const
  }
}

/** No browser has more tabs at work on this at once. */
const MOST_FLOWS = 6

/** What the tabs of one browser have begun: a value for each, so that they don't take each other's away. */
export class FlowCookie {
  readonly #cookie: SessionCookie

  constructor(publicUrl: string) {
    this.#cookie = new SessionCookie(publicUrl, 'breeze_flow')
  }

  read(context: Context<HttpEnv>): string[] {
    return (this.#cookie.read(context) ?? '').split('.').filter(Boolean).slice(-MOST_FLOWS)
  }

  add(context: Context<HttpEnv>, token: string, expires: Date): void {
    this.#cookie.write(context, [...this.read(context), token].slice(-MOST_FLOWS).join('.'), expires)
  }
}
