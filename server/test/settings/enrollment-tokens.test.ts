import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { catalogue } from '../../src/catalogue.ts'
import deleteToken from '../../src/domains/devices/tools/delete-enrollment-token.ts'
import listTokens from '../../src/domains/devices/tools/list-enrollment-tokens.ts'
import { code, denial, done } from './answers.ts'

let h: Harness
let operator: Caller
let acme: Organization

beforeAll(async () => {
  // The catalogue is generated; until it names them, they are given beside it.
  h = await boot({ extraTools: [listTokens, deleteToken].filter((tool) => !catalogue.includes(tool)) })
  acme = await h.organization('Acme')
  operator = await h.operator()
})
afterAll(() => h.stop())

describe('create_enrollment_token', () => {
  it('makes one for the first site, for one device and an hour', async () => {
    await h.site(acme.id, 'Annex')
    const made = done(await h.invoke(operator, 'create_enrollment_token', { organization: 'Acme' }))
    expect(made).toMatchObject({
      token: expect.stringMatching(/^brz/),
      uses: 1,
      site: { id: acme.siteId, name: 'Main Office' },
    })
    expect(Math.round((Date.parse(made['expires_at']) - Date.now()) / 60_000)).toBe(60)
    const [row] = await h.sql<{ uses_left: number; simulated: boolean; hash: Buffer }>(
      'select * from enrollment_tokens where id = $1',
      [made['id']],
    )
    expect(row).toMatchObject({ uses_left: 1, simulated: false })
    expect(JSON.stringify(await h.sql('select body, payload from audit_entries'))).not.toContain(made['token'])
  })

  it('takes a site by name, uses, a time and the mark of simulation', async () => {
    const input = { organization: acme.id, site: 'annex', uses: 500, expires_in: '30d', simulated: true }
    expect(done(await h.invoke(operator, 'create_enrollment_token', input))).toMatchObject({
      uses: 500,
      site: { name: 'Annex' },
    })
  })

  it('says what is missing', async () => {
    done(await h.invoke(operator, 'create_organization', { name: 'Bare' }))
    const refused = denial(await h.invoke(await h.operator(), 'create_enrollment_token', { organization: 'Bare' }))
    expect(refused).toMatchObject({ code: 'conflict', reason: 'Bare has no site that you can use.' })
    expect(code(await h.invoke(operator, 'create_enrollment_token', { organization: 'Acme', site: 'Moon' }))).toBe(
      'not_found',
    )
    for (const bad of [{ uses: 0 }, { uses: 10_001 }, { expires_in: '31d' }, { expires_in: '1' }]) {
      expect(code(await h.invoke(operator, 'create_enrollment_token', { organization: 'Acme', ...bad }))).toBe(
        'invalid_input',
      )
    }
  })

  it('is for roles with the right, within their reach', async () => {
    const globex = await h.organization('Globex')
    const technician = await h.caller(
      await h.key(await h.user('technician', acme.id), ['administration.write']),
      'rest',
    )
    expect(code(await h.invoke(technician, 'create_enrollment_token', { organization: 'Acme' }))).toBe('forbidden')
    const admin = await h.user('organization_admin', acme.id)
    const key = await h.caller(await h.key(admin, ['administration.write']), 'rest')
    expect(code(await h.invoke(key, 'create_enrollment_token', { organization: 'Acme' }))).toBe('done')
    expect(code(await h.invoke(key, 'create_enrollment_token', { organization: 'Globex' }))).toBe('not_found')
    expect(code(await h.invoke(key, 'create_enrollment_token', { organization: 'Acme', site: globex.siteId }))).toBe(
      'not_found',
    )
    const reader = await h.caller(await h.key(admin, ['ai:execute']), 'rest')
    expect(code(await h.invoke(reader, 'create_enrollment_token', { organization: 'Acme' }))).toBe('insufficient_scope')
  })
})

describe('list_enrollment_tokens and delete_enrollment_token', () => {
  it('show what is left without the secret, and end a token at once', async () => {
    const umbrella = await h.organization('Umbrella')
    const now = await h.operator()
    const made: Record<string, unknown>[] = []
    for (let n = 1; n <= 3; n++)
      made.push(done(await h.invoke(now, 'create_enrollment_token', { organization: 'Umbrella', uses: n })))
    const first = done(await h.invoke(now, 'list_enrollment_tokens', { organization: 'Umbrella', limit: 2 }))
    expect(first).toMatchObject({
      total: 3,
      enrollment_tokens: [{ uses_left: 3, state: 'open', site: { id: umbrella.siteId } }, { uses_left: 2 }],
    })
    const rest = done(
      await h.invoke(now, 'list_enrollment_tokens', {
        organization: 'Umbrella',
        limit: 2,
        cursor: first['next_cursor'],
      }),
    )
    expect(rest).toMatchObject({ enrollment_tokens: [{ id: made[0]?.['id'], uses_left: 1 }] })
    expect(JSON.stringify([first, rest])).not.toContain(made[0]?.['token'])
    const stranger = await h.caller(
      await h.key(await h.user('organization_admin', acme.id), ['administration.write']),
      'rest',
    )
    expect(
      done(await h.invoke(stranger, 'list_enrollment_tokens', { limit: 200 }))['enrollment_tokens'].map(
        (token: { organization: { id: string } }) => token.organization.id,
      ),
    ).not.toContain(umbrella.id)
    expect(code(await h.invoke(stranger, 'delete_enrollment_token', { token: made[0]?.['id'] }))).toBe('not_found')
    expect(code(await h.invoke(now, 'delete_enrollment_token', { token: 'nothing' }))).toBe('not_found')
    expect(done(await h.invoke(now, 'delete_enrollment_token', { token: made[0]?.['id'] }))).toMatchObject({
      state: 'deleted',
    })
    expect(done(await h.invoke(now, 'list_enrollment_tokens', { organization: 'Umbrella' }))['total']).toBe(2)
    const technician = await h.caller(
      await h.key(await h.user('technician', umbrella.id), ['administration.write']),
      'rest',
    )
    expect(code(await h.invoke(technician, 'list_enrollment_tokens', {}))).toBe('forbidden')
  })
})
