/** Binds an authorization to the browser in which it began: one cookie for the decision, one for the way back. */
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { INTERACTION_SECONDS, AUTHORIZE_PATH } from '../../oauth/settings.ts'
import { CONSOLE_API } from '../console/routes.ts'
import type { HttpEnv } from '../http/types.ts'

const NAME = 'breeze_authorization'

/** Each authorization has cookies of its own, by their paths: two tabs don't cross. */
const pathsOf = (uid: string): string[] => [`${CONSOLE_API}/consent/${uid}`, `${AUTHORIZE_PATH}/${uid}`]

export class AuthorizationCookie {
  readonly #secure: boolean

  constructor(publicUrl: string) {
    this.#secure = publicUrl.startsWith('https:')
  }

  read(context: Context<HttpEnv>): string | null {
    return getCookie(context, NAME) ?? null
  }

  write(context: Context<HttpEnv>, uid: string, proof: string): void {
    for (const path of pathsOf(uid)) {
      setCookie(context, NAME, proof, { ...this.#attributes(path), maxAge: INTERACTION_SECONDS })
    }
  }

  clear(context: Context<HttpEnv>, uid: string): void {
    for (const path of pathsOf(uid)) deleteCookie(context, NAME, this.#attributes(path))
  }

  #attributes(path: string) {
    return { httpOnly: true, sameSite: 'Lax', path, secure: this.#secure } as const
  }
}
