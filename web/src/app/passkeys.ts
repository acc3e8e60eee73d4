/** Passkeys: the server asks, the browser signs, the server checks. The library is loaded when it is first needed. */
import { api } from './api.ts'

export const passkeysWork = (): boolean => typeof PublicKeyCredential === 'function' && isSecureContext

/** The server's own shape of WebAuthn options, which the library takes as it is. */
type Options = never

async function asked(path: string): Promise<unknown> {
  const [{ startAuthentication }, optionsJSON] = await Promise.all([
    import('@simplewebauthn/browser'),
    api.post<Options>(path),
  ])
  return startAuthentication({ optionsJSON }).catch(translate)
}

/** Signs in, as the only proof or as the second. */
export async function signInWithPasskey(): Promise<{ state: string }> {
  return api.post('sign-in/passkey', await asked('sign-in/passkey/options'))
}

export async function provePasskey(path: 'step-up'): Promise<void> {
  await api.post(path, { passkey: await asked('sign-in/passkey/options') })
}

/** Makes one on this device, for the account. `options` are the server's answer. */
export async function makePasskey(options: unknown): Promise<unknown> {
  const { startRegistration } = await import('@simplewebauthn/browser')
  return startRegistration({ optionsJSON: options as Options }).catch(translate)
}

/** The browser's own words are for developers. */
function translate(error: unknown): never {
  const name = error instanceof Error ? error.name : ''
  if (name === 'InvalidStateError')
    throw new Error('This device has a passkey of this account already.', { cause: error })
  throw new Error('The passkey was not used. Try again, or sign in another way.', { cause: error })
}
