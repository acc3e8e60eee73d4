/** The decision: by the person who read the page, in the browser in which it began, once, and never for more than they hold. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TestBrowser } from '../console/browser.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import {
  agree,
  approve,
  authorized,
  comeBack,
  deny,
  openConsent,
  PASSWORD,
  RawClient,
  signedIn,
  statusWith,
} from './assistant.ts'

let world: Harness
let acme: Organization
let globex: Organization
let url: string
let technician: string
let browser: TestBrowser
let client: RawClient
beforeAll(async () => {
  world = await boot()
  url = world.server.url
  acme = await world.organization('Acme')
  globex = await world.organization('Globex')
  technician = await world.user('technician', acme.id)
  browser = await signedIn(world, technician)
  client = await RawClient.register(url)
})
afterAll(() => world.stop())

const read = { scopes: ['ai:read'] }
const another = async (role = 'technician'): Promise<{ id: string; browser: TestBrowser }> => {
  const id = await world.user(role, acme.id)
  return { id, browser: await signedIn(world, id) }
}

describe('a consent', () => {
  test('shows who asks, where the answer goes, what is asked and what the person may give', async () => {
    const { view } = await openConsent(
      browser,
      client.authorizationUrl({ scope: 'ai:read ai:execute ai:execute_admin administration.read' }),
    )
    expect(view).toMatchObject({
      client: { name: 'Raw', verified: false, host: null, first_party: false },
      redirect: { host: '127.0.0.1', loopback: true, scheme: 'http' },
      user: { email: `${technician}@example.test` },
      organizations: [{ id: acme.id, name: 'Acme' }],
      mcp_write: true,
      before: null,
    })
    expect(view['scopes']).toMatchObject([
      { scope: 'ai:read', level: 'read', granted_by_default: true, grantable: true, high_impact: false },
      { scope: 'ai:execute', level: 'execute', granted_by_default: false, grantable: true, high_impact: true },
      { scope: 'ai:execute_admin', granted_by_default: false, grantable: false },
      { scope: 'administration.read', level: 'read' },
    ])
    expect(JSON.stringify(view['scopes'])).toContain('run_script')
  })

  test('warns of a name that nobody vouches for, and of one that is like a known one', async () => {
    const said = async (name: string, redirect: string) => {
      const program = await RawClient.register(url, { client_name: name, redirect_uris: [redirect] })
      const { view } = await openConsent(browser, program.authorizationUrl({ redirect_uri: redirect }))
      return (view['warnings'] as string[]).join(' ')
    }
    const loopback = await said('Helper', 'http://127.0.0.1:1/callback')
    expect(loopback).toContain('it chose the name itself')
    expect(loopback).toContain('Go on only if you started this yourself just now')
    expect(await said('Claude', 'https://evil.example/callback')).toContain(
      'It calls itself "Claude", and access would go to evil.example.',
    )
  })

  test('names a known program as verified', async () => {
    const claude = RawClient.as(url, 'https://claude.ai/oauth/mcp-oauth-client-metadata')
    const redirect = 'https://claude.ai/api/mcp/auth_callback'
    const { view } = await openConsent(browser, claude.authorizationUrl({ redirect_uri: redirect }))
    expect(view).toMatchObject({ client: { name: 'Claude', verified: true, host: 'claude.ai' }, warnings: [] })
    // Somebody else may register the same address, and gets neither the name nor the codes.
    const posing = await RawClient.register(url, { client_name: 'Claude', redirect_uris: [redirect] })
    const asked = posing.authorizationUrl({ redirect_uri: redirect })
    expect((await openConsent(browser, asked)).view).toMatchObject({ client: { verified: false, host: null } })
    const code = (await agree(browser, asked)).searchParams.get('code') ?? ''
    const answer = await claude.redeem(code, { redirect_uri: redirect })
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'invalid_grant' }])
  })

  test('is narrowed to what was chosen, and never beyond what was asked or held', async () => {
    const opened = await openConsent(browser, client.authorizationUrl({ scope: 'ai:read ai:write ai:execute_admin' }))
    const decide = async (scopes: string[], organizations: 'all' | string[] = 'all') =>
      (await approve(browser, opened, { scopes, organizations })).status
    expect(await decide(['ai:execute'])).toBe(403)
    expect(await decide(['ai:execute_admin'])).toBe(403)
    expect(await decide(['ai:read'], [globex.id])).toBe(403)
    expect(await decide(['ai:read'], [])).toBe(403)
    expect(await decide([])).toBe(400)
    const decided = await approve(browser, opened, { scopes: ['ai:read'], organizations: [acme.id] })
    const back = await comeBack(browser, String(decided.json['redirect_to']))
    const tokens = await (await client.redeem(back.searchParams.get('code') ?? '')).json()
    expect(tokens).toMatchObject({ scope: 'ai:read' })
  })

  test('takes the permission to connect an assistant', async () => {
    const viewer = await another('viewer')
    const opened = await openConsent(viewer.browser, client.authorizationUrl())
    expect(opened.view).toMatchObject({ mcp_write: false, organizations: [], all_organizations_allowed: false })
    expect((await approve(viewer.browser, opened, read)).status).toBe(403)
  })

  test('is worth what the person may do when they press the button, not when the page was made', async () => {
    const [lowered, moved, disabled] = [await another(), await another(), await another()]
    const asked = client.authorizationUrl({ scope: 'ai:read ai:execute' })
    const pages = await Promise.all([lowered, moved, disabled].map((one) => openConsent(one.browser, asked)))
    await world.sql(`update role_assignments set role_id = 'viewer' where user_id = $1`, [lowered.id])
    await world.sql(`update role_assignments set organization_id = $2 where user_id = $1`, [moved.id, globex.id])
    await world.sql('update users set disabled_at = now() where id = $1', [disabled.id])
    const decided = await Promise.all(
      [lowered, moved, disabled].map((one, index) => {
        const page = pages[index]
        if (!page) throw new Error('no page')
        return approve(one.browser, page, { scopes: ['ai:read', 'ai:execute'], organizations: [acme.id] })
      }),
    )
    expect(decided.map(({ status }) => status)).toEqual([403, 403, 401])
    expect(
      await world.sql('select id from oauth_grants where user_id = any ($1)', [[lowered.id, moved.id, disabled.id]]),
    ).toEqual([])
  })

  test('is asked for each time, makes a grant of its own, and is decided once', async () => {
    const before = await world.sql('select id from oauth_grants where client_id = $1', [client.clientId])
    await agree(browser, client.authorizationUrl())
    await agree(browser, client.authorizationUrl())
    const after = await world.sql('select id from oauth_grants where client_id = $1 and revoked_at is null', [
      client.clientId,
    ])
    expect(after.length).toBeGreaterThanOrEqual(before.length + 2)
    const opened = await openConsent(browser, client.authorizationUrl())
    const answers = await Promise.all([1, 2, 3, 4].map(() => approve(browser, opened, read)))
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 404, 404, 404])
    expect((await browser.get(`consent/${opened.uid}`)).json).toMatchObject({ error: { code: 'expired' } })
    const way = String(answers.find(({ status }) => status === 200)?.json['redirect_to'])
    const copy = browser.copy()
    const { searchParams } = await comeBack(browser, way)
    expect((await client.redeem(searchParams.get('code') ?? '')).status).toBe(200)
    // Whoever follows the way back once more gets no second code of it.
    expect(await copy.visit(way)).toMatchObject({ status: 400, location: null })
  })

  test('that asks for more says what there is already, and leaves it beside the new one', async () => {
    const tess = await another()
    const program = await RawClient.register(url)
    const first = await agree(tess.browser, program.authorizationUrl(), { organizations: [acme.id] })
    const tokens = (await (await program.redeem(first.searchParams.get('code') ?? '')).json()) as Record<string, string>
    const more = program.authorizationUrl({ scope: 'ai:read ai:write' })
    const { view } = await openConsent(tess.browser, more)
    expect(view['before']).toEqual({
      scopes: ['ai:read'],
      organizations: [{ id: acme.id, name: 'Acme' }],
      created_at: expect.any(String),
    })
    await agree(tess.browser, more)
    expect(await statusWith(url, tokens['access_token'] ?? '')).toBe(200)
    const grants = await world.sql<{ scopes: string[] }>(
      'select scopes from oauth_grants where user_id = $1 and revoked_at is null order by created_at',
      [tess.id],
    )
    expect(grants.map(({ scopes }) => scopes)).toEqual([['ai:read'], ['ai:read', 'ai:write']])
    // What another person gave it, or another program was given, is nobody's business here.
    expect((await openConsent(browser, more)).view).toMatchObject({ before: null })
  })

  test('to another organization is another grant, and ends alone', async () => {
    const partner = await signedIn(world, await world.user('partner_technician'))
    const [one, other] = [
      await authorized(world, partner, { organizations: [acme.id] }),
      await authorized(world, partner, { organizations: [globex.id] }),
    ]
    await one.client.revoke(one.tokens.access_token)
    expect(await statusWith(url, one.tokens.access_token)).toBe(401)
    expect(await statusWith(url, other.tokens.access_token)).toBe(200)
  })

  test('that is refused tells the program so, and the audit names both', async () => {
    const opened = await openConsent(browser, client.authorizationUrl())
    const decided = await deny(browser, opened)
    const back = await comeBack(browser, String(decided.json['redirect_to']))
    expect(Object.fromEntries(back.searchParams)).toMatchObject({ error: 'access_denied', state: 'xyz', iss: url })
    const entries = await world.sql<{ body: string }>(
      `select body from audit_entries where body::jsonb->>'action' = 'authorize_client'`,
    )
    const decisions = new Set(entries.map(({ body }) => (JSON.parse(body) as { decision: string }).decision))
    expect(decisions).toEqual(new Set(['allowed', 'denied']))
  })

  test('for an app ends on a page that hands over and can be closed', async () => {
    const redirect = 'cursor://anysphere.cursor-mcp/oauth/callback'
    const cursor = await RawClient.register(url, { redirect_uris: [redirect] })
    const opened = await openConsent(browser, cursor.authorizationUrl({ redirect_uri: redirect }))
    const decided = await approve(browser, opened, read)
    const page = await browser.visit(String(decided.json['redirect_to']))
    expect([page.status, page.location]).toEqual([200, null])
    expect(page.body).toContain('You can close this page')
    expect(page.body).toMatch(/url=cursor:\/\/anysphere\.cursor-mcp\/oauth\/callback\?code=/)
  })
})

describe('whose decision it is', () => {
  test('belongs to the browser in which it began', async () => {
    const opened = await openConsent(browser, client.authorizationUrl())
    const victim = await signedIn(world, technician)
    expect(await victim.get(`consent/${opened.uid}`)).toMatchObject({
      status: 409,
      json: { error: { code: 'other_browser' } },
    })
    expect((await approve(victim, opened, read)).status).toBe(409)
    expect((await victim.visit(`/oauth/authorize/${opened.uid}`)).status).toBe(409)
  })

  test('asks who is there: nobody, until somebody signs in', async () => {
    const nobody = new TestBrowser(url)
    const opened = await nobody.visit(String(client.authorizationUrl()))
    const uid = opened.location?.split('/').at(-1) ?? ''
    expect((await nobody.get(`consent/${uid}`)).status).toBe(401)
    expect((await deny(nobody, { uid, view: { seen: '' } })).status).toBe(401)
  })

  test('is of the sign-in that saw the page: another person who signed in since has to read it first', async () => {
    const [victim, attacker] = [await another(), await another()]
    const opened = await openConsent(victim.browser, client.authorizationUrl())
    // As a form of another site would do it, if it could: the browser is now the attacker's account.
    await victim.browser.post('sign-in', { email: `${attacker.id}@example.test`, password: PASSWORD })
    const decided = await approve(victim.browser, opened, read)
    expect(decided).toMatchObject({ status: 409, json: { error: { code: 'conflict' } } })
    for (const seen of ['', 'x', undefined])
      expect([400, 409]).toContain(
        (await approve(victim.browser, { ...opened, view: { ...opened.view, seen } })).status,
      )
    const again = (await victim.browser.get(`consent/${opened.uid}`)).json
    expect(again).toMatchObject({ user: { email: `${attacker.id}@example.test` } })
    expect((await approve(victim.browser, { uid: opened.uid, view: again }, read)).status).toBe(200)
  })

  test.each([
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['plain text that is JSON', { 'content-type': 'text/plain' }],
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }],
    ['a page without our header', { 'x-breeze-console': '' }],
    ['another origin', { origin: 'http://localhost:1' }],
  ])('is no matter of %s: neither the decision nor a sign-in before it', async (_, headers) => {
    const [victim, attacker] = [await another(), await another()]
    const { uid, view } = await openConsent(victim.browser, client.authorizationUrl())
    const approval = { decision: 'approve', seen: view['seen'], ...read, organizations: 'all' }
    expect((await victim.browser.post(`consent/${uid}`, approval, headers)).status).toBe(403)
    const before = victim.browser.cookies.get('breeze_session')
    for (const [path, body] of [
      ['sign-in', { email: `${attacker.id}@example.test`, password: PASSWORD }],
      ['sign-in/code', { code: '000000' }],
      ['sign-in/passkey', {}],
      ['invitations/brzi_x', {}],
      ['resets/brzp_x', {}],
      ['setup', {}],
      ['sign-out', {}],
    ] as const) {
      const answer = await victim.browser.post(path, body, headers)
      expect([path, answer.status, answer.headers.getSetCookie()]).toEqual([path, 403, []])
    }
    expect(victim.browser.cookies.get('breeze_session')).toBe(before)
    expect((await approve(victim.browser, { uid, view }, read)).status).toBe(200)
  })

  test('of two tabs, also for two programs, does not cross', async () => {
    const other = await RawClient.register(url, { client_name: 'Other' })
    const first = await openConsent(browser, client.authorizationUrl({ state: 'one' }))
    const second = await openConsent(browser, other.authorizationUrl({ state: 'two' }))
    // What was shown in one tab decides nothing in the other.
    expect((await approve(browser, { uid: second.uid, view: first.view }, read)).status).toBe(409)
    const codes: string[] = []
    for (const [tab, state] of [
      [first, 'one'],
      [second, 'two'],
    ] as const) {
      const decided = await approve(browser, tab, read)
      const back = await comeBack(browser, String(decided.json['redirect_to']))
      expect(back.searchParams.get('state')).toBe(state)
      codes.push(back.searchParams.get('code') ?? '')
    }
    const [one = '', two = ''] = codes
    expect((await client.redeem(two)).status).toBe(400)
    expect([(await client.redeem(one)).status, (await other.redeem(two)).status]).toEqual([200, 200])
  })
})
