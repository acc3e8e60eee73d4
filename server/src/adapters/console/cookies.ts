/** The console's cookie. `__Host-` binds it to this host and to TLS; plain http exists on the loopback interface only. */
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { HttpEnv } from '../http/types.ts'

export class SessionCookie {
  readonly #secure: boolean

  constructor(publicUrl: string) {
    this.#secure = publicUrl.startsWith('https:')
  }

  get name(): string {
    return this.#secure ? '__Host-breeze_session' : 'breeze_session'
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
