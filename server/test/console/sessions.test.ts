/** Sessions of others: what those who administer them see and end. */
import { ALL_SCOPES } from '@breeze/contract/governance'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { alertRow } from '../alerts/rows.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { code, done, inPerson } from '../settings/answers.ts'
import type { TestBrowser } from './browser.ts'
import { person, signedIn } from './people.ts'

let harness: Harness
let acme: Organization
let globex: Organization
beforeAll(async () => {
  harness = await boot()
  acme = await harness.organization('Acme')
  globex = await harness.organization('Globex')
})
afterAll(() => harness.stop())

const admin = async (of: Organization) => inPerson(harness, await harness.user('organization_admin', of.id))
interface Listed {
  id: string
}

describe('list_sessions', () => {
  test('shows who is signed in, page by page, to their own administrators', async () => {
    const tess = await person(harness, 'technician', acme.id)
    for (let count = 0; count < 3; count++) await signedIn(harness, tess)
    const by = await admin(acme)
    const first = done(await harness.invoke(by, 'list_sessions', { user: tess.email, limit: 2 }))
    expect(first).toMatchObject({ total: 3, sessions: [{ user: { id: tess.id }, methods: ['password'] }, {}] })
    const cursor = first['next_cursor']
    const rest = done(await harness.invoke(by, 'list_sessions', { user: tess.email, limit: 2, cursor }))
    expect(rest['sessions']).toHaveLength(1)
    expect(JSON.stringify([first, rest])).not.toContain('brzs_')
    const foreign = await admin(globex)
    expect(code(await harness.invoke(foreign, 'list_sessions', { user: tess.email }))).toBe('not_found')
    expect(done(await harness.invoke(foreign, 'list_sessions', {}))).toMatchObject({ total: 0 })
    const technician = await inPerson(harness, tess.id)
    expect(code(await harness.invoke(technician, 'list_sessions', {}))).toBe('forbidden')
  })
})

describe('revoke_sessions', () => {
  test('signs a person out of one session, or everywhere', async () => {
    const tess = await person(harness, 'technician', acme.id)
    const browsers = [await signedIn(harness, tess), await signedIn(harness, tess)]
    const by = await admin(acme)
    const [newest] = done(await harness.invoke(by, 'list_sessions', { user: tess.id }))['sessions'] as Listed[]
    expect(done(await harness.invoke(by, 'revoke_sessions', { session: newest?.id }))).toMatchObject({ ended: 1 })
    expect(await Promise.all(browsers.map(async (it) => (await it.get('session')).status))).toEqual([200, 401])
    expect(code(await harness.invoke(by, 'revoke_sessions', { session: newest?.id }))).toBe('not_found')
    expect(done(await harness.invoke(by, 'revoke_sessions', { user: tess.email }))).toMatchObject({ ended: 1 })
    expect((await browsers[0]?.get('session'))?.status).toBe(401)
  })

  test('is not for another organization, for less than they hold, or for a key without the scope', async () => {
    const tess = await person(harness, 'technician', acme.id)
    const browser = await signedIn(harness, tess)
    const foreign = await admin(globex)
    expect(code(await harness.invoke(foreign, 'revoke_sessions', { user: tess.id }))).toBe('not_found')
    const key = await harness.key(await harness.user('organization_admin', acme.id), ['ai:read'])
    const caller = await harness.caller(key, 'rest')
    expect(code(await harness.invoke(caller, 'revoke_sessions', { user: tess.id }))).toBe('insufficient_scope')
    for (const bad of [{}, { user: tess.id, session: tess.id }])
      expect(code(await harness.invoke(await admin(acme), 'revoke_sessions', bad))).toBe('invalid_input')
    expect((await browser.get('session')).status).toBe(200)
    const able = await harness.key(await harness.user('organization_admin', acme.id), [...ALL_SCOPES])
    done(await harness.invoke(await harness.caller(able, 'rest'), 'revoke_sessions', { user: tess.id }))
    expect((await browser.get('session')).status).toBe(401)
  })
})

describe('update_user', () => {
  test('disabling ends the sessions for good, a new password too', async () => {
    const tess = await person(harness, 'technician', acme.id)
    const browser = await signedIn(harness, tess)
    const by = await admin(acme)
    const cut: string[] = []
    const stop = harness.server.authenticator.onRevoked((id) => cut.push(id))
    const [open] = done(await harness.invoke(by, 'list_sessions', { user: tess.id }))['sessions'] as Listed[]
    done(await harness.invoke(by, 'update_user', { action: 'disable', user: tess.id }))
    done(await harness.invoke(by, 'update_user', { action: 'enable', user: tess.id }))
    stop()
    expect(cut).toContain(open?.id)
    expect((await browser.get('session')).status).toBe(401)
    const again = await signedIn(harness, tess)
    const { password } = done(await harness.invoke(by, 'update_user', { action: 'reset_password', user: tess.id }))
    expect((await again.get('session')).status).toBe(401)
    await signedIn(harness, tess, password)
  })

  test('other roles count at the next request of a session', async () => {
    const tess = await person(harness, 'technician', acme.id)
    const browser = await signedIn(harness, tess)
    const roles = [{ role: 'viewer', organizations: 'Acme' }]
    done(await harness.invoke(await admin(acme), 'update_user', { action: 'set_roles', user: tess.id, roles }))
    expect((await browser.get('session')).json).toMatchObject({ mcp_write: false })
  })
})

describe('the stream of wake-ups', () => {
  /** What has come down it, and whether it ended. */
  const listen = async (browser: TestBrowser) => {
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(`${harness.server.url}/api/console/live`, {
      headers: { 'x-breeze-console': '1', cookie },
    })
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    const heard = { text: '', ended: false }
    const read = async () => {
      const decoder = new TextDecoder()
      for await (const chunk of response.body ?? []) heard.text += decoder.decode(chunk, { stream: true })
      heard.ended = true
    }
    void read()
    await expect.poll(() => heard.text).toBe(': open\n\n')
    return heard
  }

  test('says that alerts changed, only to those who may see them, and ends with the session', async () => {
    const [tess, gil] = [await person(harness, 'technician', acme.id), await person(harness, 'technician', globex.id)]
    const [near, far] = [await listen(await signedIn(harness, tess)), await listen(await signedIn(harness, gil))]
    const act = async (at: Organization) => {
      const ids = [await alertRow(harness, { id: at.id, siteId: at.siteId })]
      const by = await inPerson(harness, await harness.user('technician', at.id))
      done(await harness.invoke(by, 'acknowledge_alerts', { ids }))
    }
    await act(acme)
    await expect.poll(() => near.text).toBe(': open\n\nevent: changed\ndata: alerts\n\n')
    await act(globex)
    await expect.poll(() => far.text).toContain('data: alerts')
    // Nothing of the other organization came, neither before nor after.
    expect([near.text.match(/changed/g), far.text.match(/changed/g)]).toEqual([['changed'], ['changed']])
    done(await harness.invoke(await admin(acme), 'revoke_sessions', { user: tess.id }))
    await expect.poll(() => near.ended).toBe(true)
    expect(far.ended).toBe(false)
  })

  test('is for our own pages and the signed-in, and for so many tabs', async () => {
    const browser = await signedIn(harness, await person(harness, 'technician', acme.id))
    expect((await browser.get('live', { 'x-breeze-console': '0' })).status).toBe(403)
    for (let tab = 0; tab < 8; tab++) await listen(browser)
    expect((await browser.get('live')).status).toBe(429)
    await browser.post('sign-out')
    expect((await browser.get('live')).status).toBe(401)
  })
})
