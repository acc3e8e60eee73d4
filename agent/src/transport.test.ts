import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Certificate, selfSigned } from '../test/certificate.ts'
import { ConnectProxy } from '../test/connect-proxy.ts'
import { Harness } from '../test/harness.ts'
import { script, StubServer } from '../test/stub-server.ts'
import type { NetworkOptions } from './transport.ts'

let certificate: Certificate
let harness: Harness
let ca: { path: string; only: boolean }
beforeAll(() => {
  certificate = selfSigned('IP:127.0.0.1', 'DNS:localhost')
})
beforeEach(async () => {
  harness = await Harness.start('web_socket', { tls: certificate })
  const path = join(harness.folder(), 'ca.pem')
  writeFileSync(path, certificate.cert)
  ca = { path, only: false }
})
afterEach(async () => {
  await harness.close()
})

const log = () => JSON.stringify(harness.events)

describe('roots of trust', () => {
  test('a certificate that nobody vouches for is refused at the enrollment', async () => {
    await expect(harness.agent()).rejects.toThrow(/self-signed certificate/)
    expect(harness.server.enrollRequests).toBe(0)
  })

  test.each([true, false])('a file adds one (alone: %s)', async (only) => {
    await harness.online(undefined, { network: { ca: { ...ca, only } } })
    expect(await harness.server.run(script('bash', 'echo tls'))).toMatchObject({ output: 'tls\n' })
  })

  test('a file without a certificate is a clear error', async () => {
    writeFileSync(ca.path, 'nothing')
    await expect(harness.agent(undefined, { network: { ca } })).rejects.toThrow('No certificate in')
  })
})

describe.each(['web_socket', 'poll'] as const)('behind a proxy, by %s', (link) => {
  let proxy: ConnectProxy
  beforeEach(async () => {
    harness.server.refusesWebSockets = link === 'poll'
    proxy = await ConnectProxy.start('some user:p@ss/word')
  })
  afterEach(async () => {
    await proxy.stop()
  })

  const through = (credentials: string, exceptions = ''): NetworkOptions => ({
    ca,
    proxy: { address: new URL(`http://${credentials}@127.0.0.1:${proxy.port}`), exceptions },
  })

  test('enrolls, connects and works, and never tells the password', async () => {
    await harness.online(undefined, { network: through('some%20user:p%40ss%2Fword') })
    expect(await harness.server.run(script('bash', 'echo through'))).toMatchObject({ output: 'through\n' })
    expect(new Set(proxy.tunnels)).toEqual(new Set([`127.0.0.1:${harness.server.port}`]))
    expect(harness.events.filter((e) => e.event === 'online')).toMatchObject([{ link }])
    expect(log()).not.toMatch(/p@ss|p%40ss|proxy-authorization|Basic/i)
  })

  test('says that the proxy refused, without the password', async () => {
    const starting = harness.agent(undefined, { network: through('some%20user:wr0ng'), timing: { reconnectBaseMs: 1 } })
    await expect(starting).rejects.toThrow('The proxy refused the tunnel (HTTP 407)')
    expect(proxy.refused).toBeGreaterThan(0)
    expect(harness.server.enrollRequests).toBe(0)
    expect(log()).not.toContain('wr0ng')
  })

  test('goes past it where NO_PROXY says so', async () => {
    await harness.online(undefined, { network: through('x:y', '127.0.0.0/8') })
    expect(proxy.tunnels).toEqual([])
  })
})

describe('several servers', () => {
  test.each(['web_socket', 'poll'] as const)('the next one is tried when the first is gone, by %s', async (link) => {
    const gone = await StubServer.start()
    const { url } = gone
    await gone.stop()
    harness.server.refusesWebSockets = link === 'poll'
    await harness.online(undefined, { servers: [url, harness.server.url], network: { ca } })
    expect(await harness.server.run(script('bash', 'echo here'))).toMatchObject({ output: 'here\n' })
  })

  test('one that refuses the token does not keep the other from enrolling', async () => {
    const other = await StubServer.start()
    await harness.online(undefined, { servers: [other.url, harness.server.url], network: { ca } })
    expect(other.enrollRequests).toBe(1)
    await other.stop()
  })
})

describe('redirects', () => {
  test('are not followed, so that neither token nor session goes anywhere else, least of all in plain text', async () => {
    const elsewhere = await StubServer.start()
    const location = `http://localhost:${elsewhere.port}/agent/v1/enroll`
    harness.server.refuseEnrollment = { status: 307, body: {}, headers: { location } }
    await expect(harness.agent(undefined, { network: { ca } })).rejects.toThrow('(HTTP 307)')
    expect(elsewhere.enrollRequests).toBe(0)
    await elsewhere.stop()
  })
})
