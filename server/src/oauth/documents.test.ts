import { describe, expect, test, vi } from 'vitest'
import { isPublicAddress } from '../kernel/public-address.ts'
import { Documents, isDocumentUrl } from './documents.ts'

const ID = 'https://assistant.example.com/client.json'
const GOOD = { client_id: ID, client_name: 'Assistant', redirect_uris: ['http://127.0.0.1/callback'] }

describe('an address to connect to', () => {
  test.each(['93.184.216.34', '1.1.1.1', '2606:4700:4700::1111'])('may be %s', (address) =>
    expect(isPublicAddress(address)).toBe(true),
  )
  test.each([
    '127.0.0.1',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::a00:1',
    '2002:7f00:1::',
    '2001:0:7f00:1::',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd00:ec2::254',
    'ff02::1',
    'fec0::1',
    '2001:db8::1',
    'localhost',
    '',
  ])('may not be %s', (address) => expect(isPublicAddress(address)).toBe(false))
})

describe('the id of a program', () => {
  test('may be the address of a document', () => expect(isDocumentUrl(ID)).toBe(true))
  test.each([
    'http://assistant.example.com/client.json',
    'https://assistant.example.com',
    'https://assistant.example.com/',
    'https://user@assistant.example.com/client.json',
    'https://assistant.example.com:8443/client.json',
    'https://assistant.example.com/client.json#x',
    'https://assistant.example.com/a/../client.json',
    'https://assistant.example.com/%2e%2e/client.json',
    'https://ASSISTANT.example.com/client.json',
    'https://assistant.example.com./client.json',
    'https://localhost/client.json',
    'https://127.0.0.1/client.json',
    'https://2130706433/client.json',
    'https://0x7f000001/client.json',
    'https://0177.0.0.1/client.json',
    'https://[::1]/client.json',
    'https://[::ffff:127.0.0.1]/client.json',
    'https://assistant.example.com\\@evil.com/x',
    `https://assistant.example.com/${'a'.repeat(500)}`,
  ])('may not be %s', (id) => expect(isDocumentUrl(id)).toBe(false))
})

describe('a document', () => {
  const reading = (value: unknown, addresses: readonly string[] = ['93.184.216.34']) => {
    const read = vi.fn(async () => value)
    const documents = new Documents({ now: () => new Date(), resolve: async () => addresses, read })
    return { documents, read }
  }

  test('is read from the address that was vetted, and kept', async () => {
    const { documents, read } = reading(GOOD)
    expect(await documents.describe(ID)).toEqual({ name: 'Assistant', redirectUris: ['http://127.0.0.1/callback'] })
    expect(await documents.describe(ID)).not.toBeNull()
    expect(read).toHaveBeenCalledTimes(1)
    expect(read).toHaveBeenCalledWith(new URL(ID), '93.184.216.34', expect.anything())
  })

  test.each([[['127.0.0.1']], [['169.254.169.254']], [['93.184.216.34', '10.0.0.1']], [['::ffff:192.168.0.1']], [[]]])(
    'is not asked for where its name leads to %j',
    async (addresses) => {
      const { documents, read } = reading(GOOD, addresses)
      expect(await documents.describe(ID)).toBeNull()
      expect(read).not.toHaveBeenCalled()
    },
  )

  test.each([
    ['of another id', { ...GOOD, client_id: `${ID}?x` }],
    ['with a secret', { ...GOOD, client_secret: 'x' }],
    ['that is a list', [GOOD]],
    ['that is a text', 'x'],
    ['without a way back', { ...GOOD, redirect_uris: [] }],
    ['with nothing but bad ways back', { ...GOOD, redirect_uris: ['javascript:alert(1)'] }],
  ])('%s describes nobody, and is not asked for again at once', async (_, value) => {
    const { documents, read } = reading(value)
    expect(await documents.describe(ID)).toBeNull()
    expect(await documents.describe(ID)).toBeNull()
    expect(read).toHaveBeenCalledTimes(1)
  })

  test('that never comes is given up', async () => {
    const documents = new Documents({
      now: () => new Date(),
      resolve: async () => ['93.184.216.34'],
      read: () => new Promise(() => undefined),
    })
    expect(await documents.describe(ID)).toBeNull()
  })

  test('of one host is asked for a few times a minute at most', async () => {
    const { documents, read } = reading({})
    for (let index = 0; index < 30; index += 1) await documents.describe(`https://one.example.com/${index}.json`)
    expect(read.mock.calls.length).toBeLessThanOrEqual(6)
  })
})
