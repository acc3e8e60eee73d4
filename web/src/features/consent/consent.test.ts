import { describe, expect, test } from 'vitest'
import { type Choice, type ConsentRequest, firstChoice, missing, sentence } from './consent.ts'

const scope = (name: string, level: string, more: Partial<ConsentRequest['scopes'][number]> = {}) => ({
  scope: name,
  label: name,
  level,
  tools: [],
  granted_by_default: true,
  grantable: true,
  high_impact: false,
  ...more,
})

const request: ConsentRequest = {
  client: { id: 'c', name: 'Claude', verified: true, host: 'claude.ai', first_party: false },
  redirect: { host: 'claude.ai', loopback: false, scheme: 'https' },
  user: { name: 'Priya', email: 'priya@example.test' },
  organizations: ['Contoso', 'ACME', 'Fabrikam', 'Litware'].map((name) => ({ id: name, name })),
  all_organizations_allowed: true,
  scopes: [
    scope('ai:read', 'read'),
    scope('ai:write', 'write'),
    scope('ai:execute', 'execute', { high_impact: true }),
    scope('ai:execute_admin', 'execute', { high_impact: true, grantable: false }),
  ],
  expires_at: '2026-11-25T00:00:00Z',
  warnings: [],
  mcp_write: true,
  before: null,
  seen: '',
}

const choice = (scopes: string[], organizations: string[] | 'all' = 'all'): Choice => ({
  scopes: new Set(scopes),
  all: organizations === 'all',
  organizations: new Set(organizations === 'all' ? [] : organizations),
})

describe('the sentence of a consent', () => {
  test.each([
    [choice(['ai:read'], ['Contoso']), 'Claude will only read, in Contoso.'],
    [choice(['ai:read', 'ai:write'], ['Contoso', 'ACME']), 'Claude will read and write in Contoso and ACME.'],
    [choice(['ai:execute']), 'Claude will read, write and change devices in every organization that you reach.'],
    [
      choice(['ai:read'], ['Contoso', 'ACME', 'Fabrikam', 'Litware']),
      'Claude will only read, in Contoso, ACME and 2 others.',
    ],
  ])('%#: %o', (chosen, said) => expect(sentence(request, chosen)).toBe(said))

  test('quotes a name that the client chose itself', () => {
    const client = { ...request.client, verified: false, host: null }
    expect(sentence({ ...request, client }, choice(['ai:read'], ['ACME']))).toBe('“Claude” will only read, in ACME.')
  })
})

test('what is ticked at first: never high impact, whatever the server says', () => {
  const generous = { ...request, scopes: request.scopes.map((item) => ({ ...item, granted_by_default: true })) }
  expect(firstChoice(generous)).toEqual(choice(['ai:read', 'ai:write']))
})

test('one organization needs no choice; several need one where not all may be given', () => {
  const [only] = request.organizations
  const single = { ...request, organizations: only ? [only] : [] }
  expect(firstChoice(single)).toEqual(choice(['ai:read', 'ai:write'], ['Contoso']))
  const narrow = firstChoice({ ...request, all_organizations_allowed: false })
  expect(missing(narrow)).toBe('Tick an organization, or deny.')
  expect(missing(choice([], ['ACME']))).toBe('Tick what it may do, or deny.')
  expect(missing(choice(['ai:read'], ['ACME']))).toBeNull()
})

test('proposes the organizations of an earlier grant, where they may still be given', () => {
  const organizations = ['ACME', 'Gone'].map((name) => ({ id: name, name }))
  const before = { scopes: ['ai:read'], organizations, created_at: '2026-11-24T00:00:00Z' }
  expect(firstChoice({ ...request, before })).toEqual(choice(['ai:read', 'ai:write'], ['ACME']))
  expect(firstChoice({ ...request, before: { ...before, organizations: null } })).toEqual(
    choice(['ai:read', 'ai:write']),
  )
})
