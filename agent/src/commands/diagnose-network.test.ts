import { execFileSync } from 'node:child_process'
import { createServer, type Server } from 'node:net'
import { RESULT_DATA } from '@breeze/contract/agent-commands'
import { afterEach, expect, test } from 'vitest'
import { linuxNetwork, parseArp, parseNameServers, parseRoutes, parseRoutes6 } from '../platform/linux/network-path.ts'
import { parseArpLine, parseRouteGet } from '../platform/macos/network-path.ts'
import { parseHops, parseNeighbourStates } from '../platform/windows/network-path.ts'
import { diagnoseNetwork } from './diagnose-network.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function listening(): Promise<number> {
  const server = createServer((socket) => socket.destroy())
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

async function diagnose(server: string, args: { target?: string; port?: number } = {}) {
  const { outcome } = await diagnoseNetwork({ server }).run({
    commandId: crypto.randomUUID(),
    args,
    signal: new AbortController().signal,
    reply: async () => true,
    tell: async () => ({}),
  })
  expect(outcome.state).toBe('succeeded')
  return { ...RESULT_DATA['network.diagnose'].parse(outcome.data), output: outcome.output }
}

test('the default route is the one of ip', async () => {
  const routes = JSON.parse(execFileSync('ip', ['-j', 'route', 'show', 'default']).toString() || '[]')
  const routes6 = JSON.parse(execFileSync('ip', ['-6', '-j', 'route', 'show', 'default']).toString() || '[]')
  const { gateway } = await linuxNetwork.path()
  expect(gateway).toBe(routes[0]?.gateway ?? routes6[0]?.gateway ?? null)
})

test('reaches its server and says how fast', async () => {
  const port = await listening()
  const { checks, output } = await diagnose(`http://localhost:${port}`)
  expect(checks.find(({ check }) => check === 'server')).toMatchObject({ ok: true, target: `localhost:${port}` })
  expect(checks.find(({ check }) => check === 'resolve')).toMatchObject({ ok: true, target: 'localhost' })
  expect(checks.every(({ ok, milliseconds }) => !ok || milliseconds === null || milliseconds >= 0)).toBe(true)
  expect(output).toContain(`server localhost:${port}: ok in `)
})

test('a refused port, a missing name and a free target are told apart', async () => {
  const port = await listening()
  const server = `http://127.0.0.1:${port}`
  const refused = await diagnose(server, { target: '127.0.0.1', port: 1 })
  expect(refused.checks.find(({ check }) => check === 'connect')).toMatchObject({
    ok: false,
    milliseconds: null,
    detail: expect.stringContaining('refused'),
  })
  const missing = await diagnose(server, { target: 'no-such-host.invalid' })
  expect(missing.checks.find(({ check }) => check === 'resolve')).toMatchObject({ ok: false })
  expect(missing.checks.filter(({ check }) => check === 'connect')).toEqual([])
  const reached = await diagnose(server, { target: 'localhost', port })
  expect(reached.checks.find(({ check }) => check === 'connect')).toMatchObject({
    ok: true,
    target: `localhost:${port}`,
  })
})

test.each(['-oProxyCommand=x', 'a b', 'a/b', 'http://x', '', 'a\nb', '..'])('%j is no target', async (target) => {
  const reason = await diagnoseNetwork({ server: 'http://127.0.0.1' }).unsupported({
    commandId: crypto.randomUUID(),
    args: { target },
    signal: new AbortController().signal,
    reply: async () => true,
    tell: async () => ({}),
  })
  expect(reason).toContain('neither')
})

test('of several default routes the cheapest counts, and no unusable one', () => {
  const header = 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT'
  const route = (gateway: string, flags: string, metric: number, mask = '00000000') =>
    `eth0\t00000000\t${gateway}\t${flags}\t0\t0\t${metric}\t${mask}\t0\t0\t0`
  expect(
    parseRoutes(
      [header, route('010200C0', '0003', 600), route('FE0200C0', '0003', 100), route('1', '0201', 0)].join('\n'),
    ),
  ).toBe('192.0.2.254')
  // A VPN's half of the world is no default route, and a route over a link has no gateway.
  expect(
    parseRoutes([header, route('010200C0', '0003', 0, '00000080'), route('00000000', '0001', 0)].join('\n')),
  ).toBeNull()
  expect(parseRoutes('')).toBeNull()
  const zero = '0'.repeat(32)
  expect(parseRoutes6(`${zero} 00 ${zero} 00 fe800000000000000000000000000001 00000400 1 0 00000003     eth0`)).toBe(
    'fe80::1%eth0',
  )
  expect(parseRoutes6(`${zero} 00 ${zero} 00 ${zero} ffffffff 1 0 00200200       lo`)).toBeNull()
})

test('name servers and neighbours are read past comments and gaps', () => {
  expect(
    parseNameServers('# nameserver 1.1.1.1\nnameserver 192.0.2.53\n  nameserver\t2001:db8::53 # near\nnameservers x'),
  ).toEqual(['192.0.2.53', '2001:db8::53'])
  const arp = [
    'IP address       HW type     Flags       HW address            Mask     Device',
    '192.0.2.1        0x1         0x2         02:00:00:00:00:01     *        eth0',
    '192.0.2.2        0x1         0x0         00:00:00:00:00:00     *        eth0',
  ].join('\n')
  expect(['192.0.2.1', '192.0.2.2', '192.0.2.3'].map((address) => parseArp(arp, address))).toEqual([true, false, null])
})

test('routes of Windows and macOS, recorded', () => {
  expect(parseHops(JSON.parse('[{"hop":"0.0.0.0"},{"hop":"192.0.2.1"}]'))).toBe('192.0.2.1')
  expect(parseHops(JSON.parse('{"hop":"192.0.2.1"}'))).toBe('192.0.2.1')
  expect(parseHops([])).toBeNull()
  expect(parseNeighbourStates(JSON.parse('{"state":"Reachable"}'))).toBe(true)
  expect(parseNeighbourStates(JSON.parse('[{"state":"Unreachable"}]'))).toBe(false)
  expect(parseRouteGet('   route to: default\ndestination: default\n    gateway: 192.0.2.1\n  interface: en0\n')).toBe(
    '192.0.2.1',
  )
  expect(parseRouteGet('route: writing to routing socket: not in table')).toBeNull()
  expect(parseArpLine('? (192.0.2.1) at 0:11:22:33:44:55 on en0 ifscope [ethernet]')).toBe(true)
  expect(parseArpLine('? (192.0.2.9) at (incomplete) on en0 ifscope [ethernet]')).toBe(false)
  expect(parseArpLine('192.0.2.9 (192.0.2.9) -- no entry')).toBeNull()
})
