import { execFile, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test, vi } from 'vitest'
import { cableNetworks, whyNoNetworks } from '../test/namespaces.ts'
import { isOwn } from './commands/isolate-network.ts'
import { PinnedNames } from './pinned-names.ts'
import { isolationRules } from './platform/linux/isolation-rules.ts'

const [SERVER, OTHER, ALLOWED] = ['7001', '7002', '7003']
const LISTEN = `
  for (const port of process.argv.slice(1)) require('net').createServer((socket) => socket.on('error', () => {}))
    .listen(Number(port), '0.0.0.0', () => console.log('ready'))`

/** In networks of its own: this machine's rules are never touched. */
test.skipIf(whyNoNetworks() !== undefined)(
  'an isolated device reaches its server and what is allowed, whatever restarts, until it is released or its time is over',
  async () => {
    const cabled = cableNetworks()
    if ('reason' in cabled) throw new Error(cabled.reason)
    const { networks } = cabled
    const { near, far } = networks
    const stateDirectory = mkdtempSync(join(tmpdir(), 'breeze-isolation-'))
    const listener = spawn(...networks.inside(far.name, process.execPath, '-e', LISTEN, SERVER, OTHER, ALLOWED))
    try {
      let text = ''
      listener.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()))
      await vi.waitFor(() => expect(text.match(/ready/g)).toHaveLength(3), { timeout: 10_000 })
      const driver = new URL('../test/isolated.ts', import.meta.url).pathname
      const command = [process.execPath, driver, stateDirectory, far.address, SERVER, OTHER, ALLOWED]
      const { stdout } = await promisify(execFile)(...networks.inside(near.name, ...command))
      const all = { server: true, other: true, allowed: true }
      const cut = { server: true, other: false, allowed: true }
      expect(JSON.parse(stdout)).toEqual({
        before: all,
        isolate: { state: 'succeeded', data: { isolated: true, until: null } },
        isolated: cut,
        opened: all,
        restarted: { isolated: true, ...cut },
        restored: cut,
        release: { state: 'succeeded', data: { isolated: false, until: null } },
        released: all,
        timed: { state: 'succeeded', data: { isolated: true, until: '2026-01-01T01:00:00.000Z' } },
        almost: false,
        over: { isolated: false, ...all },
        damaged: { isolated: true, until: '2026-01-01T02:00:01.000Z', ...cut },
        gone: { isolated: true, until: '2026-01-01T02:00:01.000Z', ...cut },
        lost: { isolated: true, until: '2026-01-02T01:00:01.000Z', ...cut },
        anew: { isolated: true, until: '2026-01-02T01:00:01.000Z', ...cut, allowed: false },
        kept: { isolated: true, until: '2026-01-02T01:00:01.000Z', ...cut, allowed: false },
        ended: { isolated: false, ...all },
        cutShort: { isolated: false, until: null, ...all },
        tables: 'table inet theirs',
      })
    } finally {
      listener.kill()
      networks.remove()
      rmSync(stateDirectory, { recursive: true, force: true })
    }
  },
  30_000,
)

test.runIf(process.getuid?.() === 0)('nftables takes the rules for both families', () => {
  const server = { address: '2001:db8::1', port: 443 }
  const rules = isolationRules([server, { address: '192.0.2.1', port: 443 }], [{ address: '192.0.2.53', port: 53 }])
  const list = ['sh', '-c', 'nft -f - && nft list table inet breeze_isolation']
  const listed = execFileSync('unshare', ['-n', ...list], { input: rules, encoding: 'utf8' })
  expect(listed).toContain('ip6 daddr 2001:db8::1 tcp dport 443 accept')
  expect(listed.match(/policy drop/g)).toHaveLength(3)
})

test('the machine that runs the server is known as such', () => {
  expect(['127.0.0.1', '127.8.9.1', '::1', '192.0.2.1', '2001:db8::1'].map(isOwn)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ])
})

test('a pinned name has the addresses it had, in the family that is asked for', async () => {
  const names = new PinnedNames()
  names.pin({ 'breeze.invalid': ['192.0.2.1', '2001:db8::1'] })
  const ask = (options: object) =>
    new Promise((resolve) => names.lookup('breeze.invalid', options, (error, found) => resolve(error?.code ?? found)))
  expect(await ask({ all: true })).toEqual([
    { address: '192.0.2.1', family: 4 },
    { address: '2001:db8::1', family: 6 },
  ])
  expect(await ask({ family: 6 })).toBe('2001:db8::1')
  names.unpin()
  expect(await ask({})).toBe('ENOTFOUND')
})
