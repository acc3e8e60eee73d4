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
