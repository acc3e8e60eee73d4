import { describe, expect, it } from 'vitest'
import { clientIp, trustedAddresses } from './client-ip.ts'

const trusted = trustedAddresses(['10.0.0.0/8', '::1', '192.0.2.7'])

describe('the client address', () => {
  it.each([
    ['the socket when there is no proxy', '203.0.113.5', null, '203.0.113.5'],
    ['the socket when the peer is not trusted', '203.0.113.5', '1.2.3.4', '203.0.113.5'],
    ['what a trusted proxy saw', '10.0.0.1', '203.0.113.5', '203.0.113.5'],
    ['the right-most that no trusted proxy owns', '10.0.0.1', '1.2.3.4, 203.0.113.5, 10.0.0.2', '203.0.113.5'],
    ['the outermost proxy when all are trusted', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['what was known before something that is no address', '10.0.0.1', '203.0.113.5, unknown', '10.0.0.1'],
    ['without the port a proxy added', '10.0.0.1', '203.0.113.5:4711', '203.0.113.5'],
    ['an IPv6 address without brackets', '::1', '[2001:db8::7]:4711', '2001:db8::7'],
    ['the IPv4 address inside an IPv6 one', '::ffff:10.0.0.1', '203.0.113.5', '203.0.113.5'],
  ])('is %s', (_what, peer, forwarded, expected) => {
    expect(clientIp(peer, forwarded, trusted)).toBe(expected)
  })

  it('is unknown without a socket', () => {
    expect(clientIp(null, '1.2.3.4', trusted)).toBeNull()
  })

  it.each(['localhost', '10.0.0.0/99', '10.0.0/8', ''])('refuses "%s" as a trusted proxy', (entry) => {
    expect(() => trustedAddresses([entry])).toThrow()
  })
})
