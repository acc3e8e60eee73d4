import { describe, expect, test } from 'vitest'
import { redirectKind, withTwins } from './redirects.ts'

describe('an address to come back to', () => {
  test.each([
    ['https://claude.ai/api/mcp/auth_callback', 'web'],
    ['https://chatgpt.com/connector/oauth/abc', 'web'],
    ['https://app.example.com:8443/callback?x=1', 'web'],
    ['https://xn--80ak6aa92e.com/cb', 'web'],
    ['http://localhost/callback', 'loopback'],
    ['http://127.0.0.1:53682/callback', 'loopback'],
    ['http://[::1]/callback', 'loopback'],
    ['cursor://anysphere.cursor-mcp/oauth/callback', 'app'],
    ['vscode://vscode.github-authentication/did-authenticate', 'app'],
    ['com.example.app:/callback', 'app'],
  ])('may be %s', (uri, kind) => expect(redirectKind(uri)).toBe(kind))

  test.each([
    'javascript:alert(1)',
    'data:text/html,x',
    'ftp://example.com/',
    'file:///etc/passwd',
    'myapp://callback',
    'http://example.com/cb',
    'http://127.0.0.1.evil.com/cb',
    'http://localhost.evil.com/cb',
    'http://localhost:80@evil.com/cb',
    'http://2130706433/cb',
    'http://0x7f.1/cb',
    'http://127.1/cb',
    'https://user:pass@example.com/cb',
    'https://example.com/cb#fragment',
    'https://*.example.com/cb',
    'https://example.com\\@evil.com/cb',
    'https://example.com/\tcb',
    'https://example.com/cb\n',
    ' https://example.com/cb',
    'https://exam%70le.com/cb',
    'https://еxample.com/cb',
    'https://example.com/a/../cb',
    'https://example.com/a/%2e%2e/cb',
    'https://example/cb',
    'https://10.0.0.1/cb',
    'https://[::1]/cb',
    'https:///cb',
    '//example.com/cb',
    '/cb',
    '',
    `https://example.com/${'a'.repeat(2000)}`,
  ])('may not be %s', (uri) => expect(redirectKind(uri)).toBeNull())

  test('on this very computer has both names', () => {
    expect(withTwins(['http://127.0.0.1/callback', 'https://example.com/cb'])).toEqual([
      'http://127.0.0.1/callback',
      'https://example.com/cb',
      'http://localhost/callback',
    ])
  })
})
