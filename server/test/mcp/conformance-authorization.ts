/** The person and the program that the suite's authorization scenarios need: one signs in and agrees, the other is registered. */
import { TestBrowser } from '../console/browser.ts'
import { agree, register } from '../oauth/assistant.ts'

export async function registeredClient(url: string, callback: string): Promise<string> {
  const answer = await register(url, { client_name: 'Conformance', redirect_uris: [callback] })
  const body = (await answer.json()) as { client_id?: string }
  if (answer.status !== 201 || body.client_id === undefined) throw new Error('the program could not be registered')
  return body.client_id
}

/** Agrees to what the suite asks, and takes the answer to where it waits. */
export async function agreeFor(url: string, password: string, authorizationUrl: string): Promise<void> {
  const browser = new TestBrowser(url)
  const signedIn = await browser.post('sign-in', { email: 'admin@breeze.local', password })
  if (signedIn.status !== 200) throw new Error('the administrator could not sign in')
  await fetch(await agree(browser, authorizationUrl))
}
