import { ALL_SCOPES } from '@breeze/contract/governance'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { boot, type Harness, type Organization } from '../harness.ts'
import { code, done, inPerson } from '../settings/answers.ts'
import { TestBrowser } from './browser.ts'
import { mailbox, type Mailbox } from './mailbox.ts'
import { forgetProof, PASSWORD, person, signedIn, withTotp } from './people.ts'

let harness: Harness
let acme: Organization
let globex: Organization
let post: Mailbox
beforeAll(async () => {
  post = await mailbox()
  harness = await boot({ env: { BREEZE_SMTP_URL: post.url } })
  acme = await harness.organization('Acme')
  globex = await harness.organization('Globex')
})
afterAll(async () => {
  await harness.stop()
  await post.close()
})

const browser = () => new TestBrowser(harness.server.url)
/** The console's route of a link's page: `/invitation/x` is asked for under `invitations/x`. */
const routeOf = (link: unknown) => new URL(String(link)).pathname.slice(1).replace('/', 's/')
const admin = async (organization: Organization = acme) =>
  inPerson(harness, await harness.user('organization_admin', organization.id))
let count = 0
const address = () => `new${(count += 1)}@acme.test`
const next = { name: 'Nia', password: 'a long enough password' }

describe('an invitation', () => {
  test('makes a person with the role it names, signed in, once', async () => {
    const email = address()
    const made = done(
      await harness.invoke(await admin(), 'invite_user', { email, role: 'technician', organizations: 'Acme' }),
    )
    expect(made).toMatchObject({ email, roles: 'Technician at Acme', mailed: true })
    expect(post.mails.at(-1)).toMatchObject({ to: [email], text: expect.stringContaining(String(made['link'])) })
    const route = routeOf(made['link'])
    expect((await browser().get(route)).json).toMatchObject({ email, organization: 'Acme', role: 'Technician at Acme' })
    expect((await browser().post(route, { ...next, password: 'short' })).status).toBe(400)
    const tries = await Promise.all(Array.from({ length: 4 }, () => browser().post(route, next)))
    expect(tries.map(({ status }) => status).sort()).toEqual([200, 404, 404, 404])
    const session = await (await signedIn(harness, { id: '', email }, next.password)).get('session')
    expect(session.json).toMatchObject({
      user: { name: 'Nia', email },
      organizations: [{ id: acme.id }],
      partner: null,
    })
    expect((await browser().get(route)).json['error']).toMatchObject({ code: 'expired' })
    const dump = JSON.stringify(
      await Promise.all(
        ['invitations', 'audit_entries', 'operations'].map((table) => harness.sql(`select t::text from ${table} t`)),
      ),
    )
    expect(dump).not.toContain(String(made['link']).split('/').at(-1))
  })

  test('can not raise anybody above who invites, then or later', async () => {
    const technician = await inPerson(harness, await harness.user('technician', acme.id))
    const inviter = await admin()
    const input = { email: address(), role: 'organization_admin', organizations: 'Acme' }
    expect(code(await harness.invoke(technician, 'invite_user', input))).toBe('forbidden')
    expect(code(await harness.invoke(inviter, 'invite_user', { ...input, organizations: 'Globex' }))).toBe('not_found')
    expect(code(await harness.invoke(inviter, 'invite_user', { email: address(), role: 'partner_admin' }))).toBe(
      'forbidden',
    )
    const made = done(await harness.invoke(inviter, 'invite_user', input))
    await harness.sql(`update role_assignments set role_id = 'viewer' where user_id = $1`, [inviter.user.id])
    expect((await browser().get(routeOf(made['link']))).status).toBe(404)
    expect((await browser().post(routeOf(made['link']), next)).status).toBe(404)
    await harness.sql(`update role_assignments set role_id = 'organization_admin' where user_id = $1`, [
      inviter.user.id,
    ])
    await harness.sql('update users set disabled_at = now() where id = $1', [inviter.user.id])
    expect((await browser().post(routeOf(made['link']), next)).status).toBe(404)
    await harness.sql('update users set disabled_at = null where id = $1', [inviter.user.id])
    // What the holder of the link sends along changes nothing of what it gives.
    const extra = { ...next, email: 'other@acme.test', role: 'partner_admin', organization: globex.id }
    expect((await browser().post(routeOf(made['link']), extra)).status).toBe(200)
    const [user] = await harness.sql<{ email: string }>('select email from users where email = $1', [input.email])
    expect(user?.email).toBe(input.email)
  })

  test('ends by its time, by being revoked, and by a later one', async () => {
    const inviter = await admin()
    const invite = async (email: string) =>
      done(await harness.invoke(inviter, 'invite_user', { email, role: 'viewer', organizations: 'Acme' }))
    const [first, email] = [await invite(address()), address()]
    await harness.sql(`update invitations set expires_at = now() where id = $1`, [first['id']])
    const second = await invite(email)
    const third = await invite(email)
    for (const made of [first, second]) expect((await browser().post(routeOf(made['link']), next)).status).toBe(404)
    const foreign = await admin(globex)
    expect(code(await harness.invoke(foreign, 'revoke_invitation', { invitation: third['id'] }))).toBe('not_found')
    const listed = done(await harness.invoke(inviter, 'list_invitations', {}))
    expect(listed['invitations']).toContainEqual(expect.objectContaining({ id: third['id'], state: 'pending' }))
    expect(listed['invitations']).toContainEqual(expect.objectContaining({ id: first['id'], state: 'expired' }))
    expect(done(await harness.invoke(foreign, 'list_invitations', {}))).toMatchObject({ total: 0 })
    done(await harness.invoke(inviter, 'revoke_invitation', { invitation: email }))
    expect((await browser().post(routeOf(third['link']), next)).status).toBe(404)
  })

  test('is not for keys, and not for the address of a user', async () => {
    const key = await harness.key(await harness.user('partner_admin'), [...ALL_SCOPES])
    const input = { email: address(), role: 'viewer', organizations: 'Acme' }
    expect(code(await harness.invoke(await harness.caller(key, 'rest'), 'invite_user', input))).toBe('forbidden')
    const tess = await person(harness, 'technician', acme.id)
    expect(
      code(await harness.invoke(await admin(), 'invite_user', { ...input, email: tess.email.toUpperCase() })),
    ).toBe('conflict')
    const made = done(await harness.invoke(await admin(), 'invite_user', input))
    await harness.sql('update users set email = $1 where id = $2', [input.email, tess.id])
    expect((await browser().post(routeOf(made['link']), next)).status).toBe(409)
  })
})

describe('a link to set a new password', () => {
  test('from an administrator works once, ends every session, and leaves the second factor', async () => {
    const tess = await person(harness, 'technician', acme.id)
    const before = await signedIn(harness, tess)
    const { app } = await withTotp(before)
    const made = done(await harness.invoke(await admin(), 'create_reset_link', { user: tess.email }))
    const route = routeOf(made['link'])
    expect((await browser().get(route)).json).toMatchObject({ email: tess.email })
    const reset = browser()
    expect((await reset.post(route, { password: next.password })).json).toMatchObject({ state: 'second_factor' })
    expect((await before.get('session')).status).toBe(401)
    expect((await reset.get('session')).status).toBe(401)
    expect((await reset.post('sign-in/code', { code: app.codeAt(0) })).status).toBe(200)
    expect((await browser().post(route, { password: 'yet another password' })).status).toBe(404)
    expect((await browser().post('sign-in', { email: tess.email, password: PASSWORD })).status).toBe(401)
  })

  test('takes the second factor along when it was lost', async () => {
    const tess = await person(harness, 'technician', acme.id)
    await withTotp(await signedIn(harness, tess))
    const by = await admin()
    const made = done(await harness.invoke(by, 'create_reset_link', { user: tess.id, second_factor: true }))
    expect((await browser().post(routeOf(made['link']), { password: next.password })).json).toEqual({
      state: 'signed_in',
    })
    await signedIn(harness, tess, next.password)
    expect(code(await harness.invoke(by, 'create_reset_link', { user: by.user.id, second_factor: true }))).toBe(
      'blocked',
    )
  })

  test('is not for whoever holds more, is elsewhere or is disabled', async () => {
    const by = await admin()
    const above = await harness.user('partner_admin')
    const elsewhere = await harness.user('technician', globex.id)
    for (const user of [above, elsewhere])
      expect(code(await harness.invoke(by, 'create_reset_link', { user }))).toBe('not_found')
    const tess = await person(harness, 'technician', acme.id)
    const made = done(await harness.invoke(by, 'create_reset_link', { user: tess.id }))
    await harness.sql('update users set disabled_at = now() where id = $1', [tess.id])
    expect((await browser().post(routeOf(made['link']), { password: next.password })).status).toBe(404)
    expect(code(await harness.invoke(by, 'create_reset_link', { user: tess.id }))).toBe('conflict')
  })

  test('is mailed to whom it is for, and the answer is the same for everybody', async () => {
    const tess = await person(harness, 'technician', acme.id)
    const before = post.mails.length
    const asked = await browser().post('resets', { email: tess.email.toUpperCase() })
    const nobody = await browser().post('resets', { email: 'nobody@acme.test' })
    expect([asked.status, asked.json]).toEqual([nobody.status, nobody.json])
    await expect.poll(() => post.mails.length, { timeout: 20_000 }).toBe(before + 1)
    expect(post.mails.at(-1)?.to).toEqual([tess.email])
    const link = /http\S+\/reset\/brzp_[\w-]{43}/.exec(post.mails.at(-1)?.text ?? '')?.[0]
    expect((await browser().post(routeOf(link), { password: next.password })).json).toEqual({ state: 'signed_in' })
    await signedIn(harness, tess, next.password)
  })
})

test('sensitive tools ask for a fresh proof at the console', async () => {
  const ada = await person(harness, 'organization_admin', acme.id)
  const it = await signedIn(harness, ada)
  await forgetProof(harness, ada.id)
  for (const tool of ['invite_user', 'create_reset_link', 'update_user', 'create_user', 'set_confirmation_policy'])
    expect((await it.post(`tools/${tool}`, {})).json['error'], tool).toMatchObject({ code: 'step_up_required' })
  expect((await it.post('tools/list_users', {})).status).toBe(200)
  for (const action of ['stop', 'lift', undefined])
    expect(
      (await it.post('tools/emergency_stop', { action, organization: acme.id })).json['error'],
      action,
    ).toMatchObject({
      code: 'step_up_required',
    })
  // To see what is stopped takes none.
  expect((await it.post('tools/emergency_stop', { action: 'status' })).json).toEqual({ stops: [] })
  await it.post('step-up', { password: PASSWORD })
  const invited = await it.post('tools/invite_user', { email: address(), role: 'viewer', organizations: 'Acme' })
  expect(invited.status).toBe(200)
})
