/** What the token endpoint and the authorize page make of requests that no honest program sends (RFC 6749 §5.2, RFC 9700). */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestBrowser } from '../console/browser.ts'
import { boot, type Harness } from '../harness.ts'
import { agree, CALLBACK, RawClient, register, signedIn, type Tokens, tokensOf } from './assistant.ts'

let world: Harness
let url: string
let browser: TestBrowser
let client: RawClient
beforeAll(async () => {
  world = await boot()
  url = world.server.url
  const organization = await world.organization('Acme')
  browser = await signedIn(world, await world.user('technician', organization.id))
  client = await RawClient.register(url)
})
afterAll(() => world.stop())

const newCode = async (): Promise<string> =>
  (await agree(browser, client.authorizationUrl())).searchParams.get('code') ?? ''
const codeForm = async (): Promise<Record<string, string>> => ({
  grant_type: 'authorization_code',
  code: await newCode(),
  code_verifier: client.verifier,
  redirect_uri: CALLBACK,
  client_id: client.clientId,
})
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

async function send(body: string, headers: Record<string, string> = FORM, method = 'POST') {
  const response = await fetch(`${url}/oauth/token`, { method, headers, ...(method === 'POST' && { body }) })
  const text = await response.text()
  const json: Record<string, unknown> = text.startsWith('{') ? JSON.parse(text) : {}
  return { status: response.status, headers: response.headers, json }
}

describe('the token endpoint', () => {
  test.each([
    ['password', 'unsupported_grant_type'],
    ['client_credentials', 'unsupported_grant_type'],
    ['implicit', 'unsupported_grant_type'],
    ['urn:ietf:params:oauth:grant-type:device_code', 'unsupported_grant_type'],
    ['urn:ietf:params:oauth:grant-type:jwt-bearer', 'unsupported_grant_type'],
    ['urn:ietf:params:oauth:grant-type:token-exchange', 'unsupported_grant_type'],
    ['', 'invalid_request'],
  ])('knows no grant "%s"', async (grant, error) => {
    const form = { grant_type: grant, client_id: client.clientId, username: 'x', password: 'x', assertion: 'x' }
    const answer = await send(String(new URLSearchParams(form)))
    expect([answer.status, answer.json['error']]).toEqual([400, error])
  })

  test('takes one form, by POST, and says what is wrong with anything else', async () => {
    const form = String(new URLSearchParams(await codeForm()))
    const json = JSON.stringify(Object.fromEntries(new URLSearchParams(form)))
    for (const [body, type] of [
      [json, 'application/json'],
      [form, 'text/plain'],
      [form, ''],
      [form, 'multipart/form-data'],
    ] as const) {
      const answer = await send(body, { 'content-type': type })
      expect([type, answer.status, answer.json['error']]).toEqual([type, 400, 'invalid_request'])
    }
    expect((await send('', {}, 'GET')).status).toBe(404)
    expect((await fetch(`${url}/oauth/token?${form}`, { method: 'POST', headers: FORM })).status).toBe(400)
    expect((await send(`${form}&x=${'x'.repeat(40_000)}`)).status).toBe(413)
    // None of it used the code up.
    const answer = await send(form)
    expect([answer.status, answer.headers.get('cache-control'), answer.headers.get('pragma')]).toEqual([
      200,
      'no-store',
      'no-cache',
    ])
  })

  test('reads no parameter twice', async () => {
    const form = await codeForm()
    for (const [name, value] of Object.entries(form)) {
      const answer = await send(`${new URLSearchParams(form)}&${name}=${encodeURIComponent(value)}`)
      expect([name, answer.status, answer.json['error']]).toEqual([name, 400, 'invalid_request'])
    }
    expect((await send(String(new URLSearchParams(form)))).status).toBe(200)
  })

  test('knows programs by their id alone: no secret, no assertion, no second way to say who one is', async () => {
    const form = await codeForm()
    const basic = { ...FORM, authorization: `Basic ${Buffer.from(`${client.clientId}:secret`).toString('base64')}` }
    const assertion = {
      client_assertion: 'eyJhbGciOiJub25lIn0.e30.',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    }
    const { client_id: _, ...nameless } = form
    for (const [what, headers, body] of [
      ['basic and id', basic, form],
      ['basic alone', basic, nameless],
      ['nobody', FORM, nameless],
      ['an unknown one', FORM, { ...form, client_id: 'nobody' }],
    ] as const) {
      const answer = await send(String(new URLSearchParams(body)), headers)
      expect([what, [400, 401].includes(answer.status)]).toEqual([what, true])
      expect([what, answer.json['error']]).toEqual([what, expect.stringMatching(/^invalid_(client|request)$/)])
      expect(answer.json['reference']).toEqual(expect.any(String))
    }
    // No proof is asked for, and whatever is sent as one is not read.
    const more = { ...form, ...assertion, client_secret: 'secret' }
    expect((await send(String(new URLSearchParams(more)))).status).toBe(200)
  })

  test('gives nothing for a foreign resource, and the one resource for each name of ours', async () => {
    const form = await codeForm()
    const foreign = await send(String(new URLSearchParams({ ...form, resource: 'https://evil.example/mcp' })))
    expect([foreign.status, foreign.json['error']]).toEqual([400, 'invalid_target'])
    const both = new URLSearchParams(form)
    for (const resource of [`${url}/api/v1/mcp`, 'https://evil.example/mcp']) both.append('resource', resource)
    expect((await send(String(both))).json['error']).toBe('invalid_target')
    const ours = new URLSearchParams(form)
    for (const resource of [`${url}/api/v1/mcp`, `${url}/api/v1/mcp/sse`]) ours.append('resource', resource)
    expect((await send(String(ours))).status).toBe(200)
  })

  test('answers neither wrong nor unknown tokens with anything of what it was sent', async () => {
    const secret = `brzr_${'s3cret'.repeat(8)}`
    const answer = await send(
      String(new URLSearchParams({ grant_type: 'refresh_token', refresh_token: secret, client_id: client.clientId })),
    )
    expect(answer.json).toEqual({
      error: 'invalid_grant',
      error_description: 'grant request is invalid',
      reference: expect.any(String),
    })
  })
})

describe('the authorize page', () => {
  test('is opened, not posted to', async () => {
    const answer = await fetch(`${url}/oauth/authorize`, {
      method: 'POST',
      headers: FORM,
      body: client.authorizationUrl().searchParams,
    })
    expect(answer.status).toBe(404)
  })

  test('brings a state back as it was, whatever is in it, and never leads on with 307', async () => {
    const state = `${'x'.repeat(8000)}\r\nset-cookie: a=b\r\n\r\n<script>"'&=ü%0d%0a`
    const opened = await browser.visit(String(client.authorizationUrl({ state })))
    expect(opened.status).toBe(303)
    const back = await agree(browser, client.authorizationUrl({ state }))
    expect(back.searchParams.get('state')).toBe(state)
    const tooLong = await browser.visit(String(client.authorizationUrl({ state: 'x'.repeat(20_000) })))
    expect([[414, 431].includes(tooLong.status), tooLong.location]).toEqual([true, null])
  })

  test.each(['fragment', 'form_post', 'web_message', 'query.jwt', 'x'])('does not answer by %s', async (mode) => {
    const opened = await browser.visit(String(client.authorizationUrl({ response_mode: mode })))
    expect([opened.status, opened.location]).toEqual([400, null])
  })

  test('takes several names of the one resource, and none beside it', async () => {
    const asked = client.authorizationUrl()
    asked.searchParams.append('resource', `${url}/api/v1/mcp/directory`)
    expect((await browser.visit(String(asked))).status).toBe(303)
    asked.searchParams.append('resource', 'https://evil.example/')
    expect(await browser.visit(String(asked))).toMatchObject({ status: 400, location: null })
  })
})

test('every address in the metadata answers, and a program that asks for all of them gets what it needs', async () => {
  const metadata = (await (await fetch(`${url}/.well-known/oauth-authorization-server`)).json()) as Record<
    string,
    string
  >
  const named = Object.entries(metadata).filter(([name]) => /_(endpoint|uri)$/.test(name))
  expect(named.map(([name]) => name).sort()).toEqual([
    'authorization_endpoint',
    'jwks_uri',
    'registration_endpoint',
    'revocation_endpoint',
    'token_endpoint',
  ])
  for (const [name, address] of named) {
    const posted = /token|revocation|registration/.test(name)
    const { status } = await fetch(address, posted ? { method: 'POST', headers: FORM, body: '' } : {})
    expect([name, status]).toEqual([name, name === 'jwks_uri' ? 200 : 400])
  }
})

test('nothing that a program says of itself is ever fetched', async () => {
  const seen: (string | undefined)[] = []
  const listener = createServer((request, response) => {
    seen.push(request.url)
    response.end('{}')
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const { port } = listener.address() as AddressInfo
  const at = (path: string) => `http://127.0.0.1:${port}/${path}`
  const names = [
    'jwks_uri',
    'logo_uri',
    'client_uri',
    'tos_uri',
    'policy_uri',
    'sector_identifier_uri',
    'initiate_login_uri',
  ]
  const answer = await register(url, {
    redirect_uris: [CALLBACK],
    software_statement: 'eyJhbGciOiJub25lIn0.e30.',
    ...Object.fromEntries(names.map((name) => [name, at(name)])),
  })
  expect(answer.status).toBe(201)
  const { client_id: id } = (await answer.json()) as { client_id: string }
  const program = RawClient.as(url, id)
  const back = await agree(browser, program.authorizationUrl())
  const tokens: Tokens = await tokensOf(await program.redeem(back.searchParams.get('code') ?? ''))
  expect((await program.refresh(tokens.refresh_token)).status).toBe(200)
  listener.close()
  expect(seen).toEqual([])
})
