/** Behind a proxy that holds the certificate, as docs/deployment.md has it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RawClient, statusWith, tokensOf } from '../../server/test/oauth/assistant.ts'
import { type Console, findings, noBrowser, signIn, startConsole } from './browser.ts'
import { type Loopback, startLoopback } from './loopback.ts'
import { startTlsProxy, type TlsProxy } from './tls-proxy.ts'

const CLIENT = '203.0.113.9'

describe.skipIf(noBrowser !== undefined)('behind TLS', () => {
  let console: Console
  let proxy: TlsProxy
  let program: Loopback
  let url: string
  beforeAll(async () => {
    proxy = await startTlsProxy(CLIENT)
    url = proxy.url
    console = await startConsole({ env: { BREEZE_PUBLIC_URL: url, BREEZE_TRUSTED_PROXIES: '127.0.0.1' } })
    proxy.forwardTo(console.url)
    await console.harness.organization('Contoso')
    program = await startLoopback()
  })
  afterAll(async () => {
    await console?.close()
    program?.close()
    proxy?.close()
  })

  const open = () => console.open({ baseURL: url, ignoreHTTPSErrors: true })

  test('every address that a program is given is the public one, and answers tell browsers to stay with TLS', async () => {
    const refused = await fetch(`${url}/api/v1/mcp`, { method: 'POST', body: '{}' })
    expect(refused.headers.get('www-authenticate')).toContain(
      `resource_metadata="${url}/.well-known/oauth-protected-resource/api/v1/mcp"`,
    )
    const read = async (path: string) => {
      const response = await fetch(url + path)
      expect(response.headers.get('strict-transport-security')).toMatch(/^max-age=\d{7,}/)
      return (await response.json()) as Record<string, unknown>
    }
    const resource = await read('/.well-known/oauth-protected-resource/api/v1/mcp')
    expect(resource).toMatchObject({ resource: `${url}/api/v1/mcp`, authorization_servers: [url] })
    const server = await read('/.well-known/oauth-authorization-server')
    expect(server['issuer']).toBe(url)
    const addresses = Object.entries(server).filter(([name]) => /_(endpoint|uri)$/.test(name))
    expect(addresses.length).toBeGreaterThan(4)
    for (const [name, value] of addresses) expect([name, String(value).startsWith(`${url}/`)]).toEqual([name, true])
    // Past the proxy, the server has no other name.
    const direct = await fetch(`${console.url}/.well-known/oauth-authorization-server`)
    expect(direct.status).toBe(421)
  })

  test('a person connects a program: cookies bound to host and TLS, and the way back from https to their computer', async () => {
    const client = await RawClient.register(url, { redirect_uris: [program.callback] })
    const page = await open()
    await page.goto(String(client.authorizationUrl({ redirect_uri: program.callback })))
    await signIn(page, console.password)
    await page.getByRole('heading', { name: /asks for access/ }).waitFor()
    const cookies = await page.context().cookies(url)
    expect(cookies.map(({ name }) => name)).toEqual(['__Host-breeze_session'])
    expect(cookies[0]).toMatchObject({ secure: true, httpOnly: true, path: '/', domain: 'localhost', sameSite: 'Lax' })
    const all = await page.context().cookies()
    expect(all.filter((cookie) => !cookie.secure || !cookie.httpOnly)).toEqual([])
    expect(await findings(page)).toEqual([])
    const arrival = program.arrival()
    await page.getByRole('button', { name: 'Approve' }).click()
    const back = await arrival
    expect(back.searchParams.get('iss')).toBe(url)
    const code = back.searchParams.get('code') ?? ''
    const tokens = await tokensOf(await client.redeem(code, { redirect_uri: program.callback }))
    expect(await statusWith(url, tokens.access_token)).toBe(200)
    expect((await client.refresh(tokens.refresh_token, { resource: `${url}/api/v1/mcp` })).status).toBe(200)
    const sessions = await console.harness.sql('select distinct ip from sessions')
    expect(sessions).toEqual([{ ip: CLIENT }])
  })

  test('an app link ends on a page of ours, and signing out leaves no cookie', async () => {
    const redirect = 'vscode://anysphere.cursor-mcp/oauth/callback'
    const app = await RawClient.register(url, { client_name: 'Editor', redirect_uris: [redirect] })
    const page = await open()
    await page.goto(String(app.authorizationUrl({ redirect_uri: redirect })))
    await signIn(page, console.password)
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByText('You can close this page.').waitFor()
    const other = await page.context().newPage()
    await other.goto(`${url}/devices`)
    await other.getByRole('button', { name: /Account of/ }).click()
    await other.getByRole('menuitem', { name: 'Sign out' }).click()
    await other.waitForURL(/\/sign-in/)
    expect((await page.context().cookies()).map(({ name }) => name)).toEqual([])
  })

  test('the browser complained of nothing', () => expect(console.complaints).toEqual([]))
})
