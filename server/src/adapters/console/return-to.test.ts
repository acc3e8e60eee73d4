import { expect, test } from 'vitest'
import { returnPath } from './return-to.ts'

const HERE = 'https://rmm.example.com'

test.each(['/', '/devices?status=offline#a', '/consent/abc', '/settings/api-keys'])('%s is ours', (path) => {
  expect(returnPath(path, HERE)).toBe(path)
})

test.each([
  undefined,
  '',
  'devices',
  'https://evil.example/',
  '//evil.example/',
  '///evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  '/\t/evil.example',
  '/\n/evil.example',
  '/.//evil.example',
  '/x/..//evil.example',
  '/%2e//evil.example',
  'javascript:alert(1)',
  ' //evil.example',
  'http:evil.example',
  `/${'a'.repeat(3000)}`,
])('%j leads home', (path) => {
  expect(returnPath(path, HERE)).toBe('/')
})
