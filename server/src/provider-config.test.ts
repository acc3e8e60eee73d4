import { expect, test } from 'vitest'
import { parseProviders } from './provider-config.ts'

const entra = { id: 'entra', name: 'Microsoft', issuer: 'https://login.microsoftonline.com/t/v2.0', client_id: 'c' }
const parse =
  (...providers: unknown[]) =>
  () =>
    parseProviders(JSON.stringify(providers))

test('reads providers, with and without a secret', () => {
  expect(parse(entra, { ...entra, id: 'google', client_secret: 's' })()).toMatchObject([
    { id: 'entra', clientSecret: null, scopes: 'openid email profile' },
    { id: 'google', clientSecret: 's' },
  ])
})

test('refuses what would be unsafe or unclear, and repeats no secret', () => {
  expect(parse({ ...entra, issuer: 'http://issuer.example' })).toThrow(/https/)
  expect(parse({ ...entra, issuer: 'https://login.microsoftonline.com/common/v2.0' })).toThrow(/your own tenant/)
  expect(parse(entra, entra)).toThrow(/id of its own/)
  expect(parse({ ...entra, secret: 'hush' })).toThrow(expect.not.stringContaining('hush'))
  expect(() => parseProviders('hush')).toThrow(/must be a JSON list of providers$/)
})
