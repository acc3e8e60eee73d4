/** A program's document is somebody else's: it may change, vanish or lie between any two steps, and tells nothing of our network. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemEnvironment } from '../../src/kernel/context.ts'
import type { TestBrowser } from '../console/browser.ts'
import { boot, type Harness } from '../harness.ts'
import { agree, approve, comeBack, openConsent, RawClient, signedIn, statusWith, tokensOf } from './assistant.ts'

const KEPT_MS = 5 * 60_000
const OLD = 'https://assistant.example.com/old'
const NEW = 'https://assistant.example.com/new'

let ahead = 0
/** By address; what is not here answers nothing. */
const published = new Map<string, object>()
const asked: string[] = []
let world: Harness
let browser: TestBrowser
let count = 0
let id: string
beforeAll(async () => {
  world = await boot({
    environment: { ...systemEnvironment, now: () => new Date(Date.now() + ahead) },
    documents: {
      resolve: async (host) => {
        const [address] = PLACES[host.split('.')[0] ?? ''] ?? ['93.184.216.34']
        if (address === undefined) throw new Error('no such name')
        return [address]
      },
      read: async (url) => {
        asked.push(url.href)
        const document = published.get(url.href)
        if (!document) throw new Error('not there')
        return document
      },
    },
  })
  const organization = await world.organization('Acme')
  browser = await signedIn(world, await world.user('technician', organization.id))
})
afterAll(() => world.stop())
beforeEach(() => {
  // Each a host of its own: one host is asked a few times a minute only.
  count += 1
  id = `https://p${count}.example.com/client.json`
  publish('Assistant', OLD, NEW)
})

/** Where names lead that begin like this. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.1'],
  metadata: ['169.254.169.254'],
  office: ['10.20.30.40'],
  nowhere: [],
}

const publish = (name: string, ...redirects: string[]) =>
  published.set(id, { client_id: id, client_name: name, redirect_uris: redirects })
/** The document that was read is no longer taken for the present one. */
const later = () => {
  ahead += KEPT_MS + 1000
}
const program = () => RawClient.as(world.server.url, id)
const address = (redirect = OLD) => program().authorizationUrl({ redirect_uri: redirect })

describe('a document that changes', () => {
  test('its name while a person reads the page: they read it again, and the grant bears what they read', async () => {
    const opened = await openConsent(browser, address())
    publish('Claude', OLD)
    later()
    expect((await approve(browser, opened)).status).toBe(409)
    const view = (await browser.get(`consent/${opened.uid}`)).json
    expect(view).toMatchObject({ client: { name: 'Claude', verified: true } })
    expect((await approve(browser, { uid: opened.uid, view })).status).toBe(200)
    // And stays what was agreed to, whatever it calls itself later.
    publish('Something else', OLD)
    later()
    const grants = await world.sql('select client_name from oauth_grants where client_id = $1', [id])
    expect(grants).toEqual([{ client_name: 'Claude' }])
  })

  test('its way back before the decision: nothing goes to the old one', async () => {
    const opened = await openConsent(browser, address())
    publish('Assistant', NEW)
    later()
    expect((await browser.get(`consent/${opened.uid}`)).json).toMatchObject({ error: { code: 'expired' } })
    expect((await approve(browser, opened)).status).toBe(404)
  })

  test('its way back between the decision and the way back: the browser stays here', async () => {
    const opened = await openConsent(browser, address())
    const decided = await approve(browser, opened)
    publish('Assistant', NEW)
    later()
    expect(await browser.visit(String(decided.json['redirect_to']))).toMatchObject({ status: 400, location: null })
  })

  test('its way back between code and token: the code is worth nothing', async () => {
    const opened = await openConsent(browser, address())
    // Kept until a moment after the code is given.
    ahead += KEPT_MS - 1000
    const decided = await approve(browser, opened)
    const back = await comeBack(browser, String(decided.json['redirect_to']))
    publish('Assistant', NEW)
    ahead += 2000
    const code = back.searchParams.get('code') ?? ''
    const answer = await program().redeem(code, { redirect_uri: OLD })
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'invalid_grant' }])
  })

  test('its way back while a grant lives: that goes on, and nobody new comes by the old way', async () => {
    const back = await agree(browser, address())
    const tokens = await tokensOf(await program().redeem(back.searchParams.get('code') ?? '', { redirect_uri: OLD }))
    publish('Assistant', NEW)
    later()
    const next = await tokensOf(await program().refresh(tokens.refresh_token))
    expect(await statusWith(world.server.url, next.access_token)).toBe(200)
    expect(await browser.visit(String(address()))).toMatchObject({ status: 400, location: null })
    expect((await browser.visit(String(address(NEW)))).status).toBe(303)
  })

  test('into nothing: grants go on for a day, and whoever was never let in is not let in', async () => {
    const back = await agree(browser, address())
    const tokens = await tokensOf(await program().redeem(back.searchParams.get('code') ?? '', { redirect_uri: OLD }))
    published.delete(id)
    later()
    const next = await tokensOf(await program().refresh(tokens.refresh_token))
    ahead += 25 * 3_600_000
    expect((await program().refresh(next.refresh_token)).status).toBe(401)
    ahead -= 25 * 3_600_000
    const other = id.replace('client', 'other')
    expect((await browser.visit(String(RawClient.as(world.server.url, other).authorizationUrl()))).status).toBe(400)
  })
})

test('a document that can not be had gives one answer, whatever the reason: neither names nor ports can be felt out', async () => {
  const said = new Set<string>()
  const hosts = ['loopback', 'metadata', 'office', 'nowhere', 'silent'].map((name) => `${name}.example.com`)
  asked.length = 0
  for (const host of hosts) {
    const stranger = RawClient.as(world.server.url, `https://${host}/client.json`)
    const opened = await browser.visit(String(stranger.authorizationUrl()))
    said.add(`${opened.status} ${opened.body.replace(/Reference <code>[\w-]+/, '')}`)
  }
  expect([...said]).toHaveLength(1)
  expect([...said][0]).toMatch(/^400 /)
  // Only the one that is on a public address was asked at all: what is not tried can not be timed.
  expect(asked).toEqual(['https://silent.example.com/client.json'])
})

test('another spelling of a program’s address is another program, and must describe itself', async () => {
  await openConsent(browser, address())
  for (const spelling of [`${id}?x`, id.replace('client', 'Client'), `${id}/`]) {
    const opened = await browser.visit(String(RawClient.as(world.server.url, spelling).authorizationUrl()))
    expect([spelling, opened.status]).toEqual([spelling, 400])
  }
  // A document that names another one's id describes nobody.
  const thief = id.replace('client', 'thief')
  published.set(thief, { client_id: id, client_name: 'Assistant', redirect_uris: ['https://evil.example/cb'] })
  expect((await browser.visit(String(RawClient.as(world.server.url, thief).authorizationUrl()))).status).toBe(400)
  expect((await openConsent(browser, address())).view).toMatchObject({ client: { id } })
})
