import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { inventorySections } from '@breeze/contract/agent-inventory'
import { expect, test, vi } from 'vitest'
import { recorded } from '../../test/recorded.ts'
import { COLLECTORS, Inventory } from './collect.ts'
import { parseMountinfo, selectMounts, usedPercent } from './disks.ts'
import { parseIpAddr } from './network.ts'
import { TimedOut, Unsupported } from './section.ts'

// apt needs a while for its simulation where others are at work.
test('every section has the shape of the contract', { timeout: 300_000 }, async () => {
  const { sections, hashes } = await new Inventory().collect()
  expect(Object.keys(sections).sort()).toEqual(Object.keys(COLLECTORS).sort())
  expect(inventorySections.partial().parse(sections)).toEqual(sections)
  for (const [name, section] of Object.entries(sections)) {
    // A container may have no service manager, and a fresh one no package lists.
    const fine = { services: ['ok', 'unsupported'], updates: ['ok', 'error'], update_history: ['ok', 'unsupported'] }[
      name
    ] ?? ['ok']
    expect(fine, name).toContain(section?.status)
  }
  for (const hash of Object.values(hashes)) expect(hash).toHaveLength(43)
})

test('disks say what df says', async () => {
  // Others write to the same disk, so one of a few tries must agree to the byte.
  await vi.waitFor(
    async () => {
      const found = await COLLECTORS.disks.collect()
      expect(found.length).toBeGreaterThan(0)
      const lines = execFileSync('df', [
        '-B1',
        '--output=target,source,fstype,size,used,avail,pcent',
        ...found.map((disk) => disk.mount),
      ])
      const expected = lines
        .toString()
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.split(/\s+/))
      expect(
        found.map((disk) => [
          disk.mount,
          disk.device,
          disk.filesystem,
          String(disk.totalBytes),
          String(disk.usedBytes),
          String(disk.availableBytes),
          `${disk.usedPercent}%`,
        ]),
      ).toEqual(expected)
    },
    { timeout: 10_000, interval: 50 },
  )
})

test('every local disk that df lists is there', async () => {
  const listed = execFileSync('df', ['--local', '--output=target,source']).toString().trim().split('\n').slice(1)
  const real = listed.map((line) => line.split(/\s+/)).filter(([, source]) => source?.startsWith('/dev/'))
  const found = await COLLECTORS.disks.collect()
  expect(found.map((disk) => [disk.mount, disk.device]).sort()).toEqual(real.sort())
})

test('a percentage is rounded up and an empty filesystem divides nothing', () => {
  expect(usedPercent(1, 999)).toBe(1)
  expect(usedPercent(500, 500)).toBe(50)
  expect(usedPercent(501, 499)).toBe(51)
  expect(usedPercent(0, 0)).toBe(0)
})

test('bind mounts and hidden mounts count once, odd names are read right', () => {
  const mounts = parseMountinfo(
    [
      '1 0 8:1 / / rw - ext4 /dev/sda1 rw',
      '2 1 8:1 /srv /mnt/bind rw - ext4 /dev/sda1 rw',
      '3 1 8:2 / /data rw - ext4 /dev/sdb1 rw',
      '4 1 8:3 / /data rw shared:1 - xfs /dev/sdc1 rw',
      '5 1 8:4 / /with\\040space rw master:1 propagate_from:2 - ext4 /dev/sdd1 rw',
      '6 1 0:9 / /proc rw - proc proc rw',
    ].join('\n'),
  )
  const chosen = selectMounts(mounts, new Set(['ext4', 'xfs']))
  expect(chosen.map(({ mount, device }) => [mount, device])).toEqual([
    ['/', '/dev/sda1'],
    ['/data', '/dev/sdc1'],
    ['/with space', '/dev/sdd1'],
  ])
})

test('memory says what /proc/meminfo says', async () => {
  const found = await COLLECTORS.memory.collect()
  const text = readFileSync('/proc/meminfo', 'utf8')
  const value = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]) * 1024
  expect(found.totalBytes).toBe(value('MemTotal'))
  expect(found.swapTotalBytes).toBe(value('SwapTotal'))
  expect(Math.abs(found.availableBytes - value('MemAvailable'))).toBeLessThan(256 * 1024 * 1024)
})

test('memory says what free says', async () => {
  const lines = execFileSync('free', ['-b']).toString()
  const [, memory, swap] = lines.split('\n').map((line) => line.trim().split(/\s+/))
  const found = await COLLECTORS.memory.collect()
  expect(found.totalBytes).toBe(Number(memory?.[1]))
  expect(found.swapTotalBytes).toBe(Number(swap?.[1]))
  // Others take and give back memory in between.
  expect(Math.abs(found.availableBytes - Number(memory?.[6]))).toBeLessThan(1024 ** 3)
})

test('network says what ip says, line by line', async () => {
  const found = await COLLECTORS.network.collect()
  const addresses = new Map<string, string[]>()
  for (const line of execFileSync('ip', ['-o', 'addr']).toString().trim().split('\n')) {
    const [, name = '', , address = ''] = line.split(/\s+/)
    addresses.set(name, [...(addresses.get(name) ?? []), address.replace(/\/\d+$/, '')])
  }
  const links = execFileSync('ip', ['-o', 'link']).toString().trim().split('\n')
  const expected = links.map((line) => {
    const name = /^\d+: ([^:@]+)/.exec(line)?.[1] ?? ''
    const mac = / link\/(?:ether|loopback) (\S+)/.exec(line)?.[1] ?? ''
    const state = / state (\S+)/.exec(line)?.[1]
    return {
      name,
      mac: mac === '00:00:00:00:00:00' ? null : mac,
      up: state === 'UP' || (state === 'UNKNOWN' && /<[^>]*\bUP\b/.test(line)),
      addresses: [...(addresses.get(name) ?? [])].sort(),
    }
  })
  expect(found).toEqual(expected.sort((a, b) => (a.name < b.name ? -1 : 1)))
})

test('an idle bridge keeps its address', () => {
  expect([...parseIpAddr(recorded('linux/ip-addr.json'))]).toEqual([
    ['lo', ['127.0.0.1', '::1']],
    ['docker0', ['172.17.0.1']],
    ['eth0', []],
  ])
})

test('cpu says what lscpu says', async () => {
  const lscpu = execFileSync('lscpu').toString()
  const value = (key: string) => new RegExp(`^\\s*${key}:\\s+(.+)$`, 'm').exec(lscpu)?.[1]
  const found = await COLLECTORS.cpu.collect()
  expect(found).toEqual({
    model: value('Model name'),
    sockets: Number(value('Socket\\(s\\)')),
    cores: Number(value('Core\\(s\\) per socket')) * Number(value('Socket\\(s\\)')),
    threads: Number(value('CPU\\(s\\)')),
  })
})

test('a hash changes with what matters and not with what always moves', async () => {
  const memory = { totalBytes: 10, availableBytes: 5, swapTotalBytes: 0, swapFreeBytes: 0 }
  let data = memory
  const inventory = new Inventory({ ...COLLECTORS, memory: { ...COLLECTORS.memory, collect: async () => data } })
  const hash = async () => (await inventory.collect(['memory'])).hashes['memory']
  const first = await hash()
  data = { ...memory, availableBytes: 4 }
  expect(await hash()).toBe(first)
  data = { ...memory, totalBytes: 11 }
  expect(await hash()).not.toBe(first)
})

test.each([
  [new Unsupported('no such thing'), 'unsupported'],
  [Object.assign(new Error('denied'), { code: 'EACCES' }), 'no_permission'],
  [new TimedOut('too slow'), 'timeout'],
  [new Error('broken'), 'error'],
])('a failure is told for what it is, without data: %s', async (error, status) => {
  const os = { ...COLLECTORS.os, collect: vi.fn().mockRejectedValue(error) }
  const { sections } = await new Inventory({ ...COLLECTORS, os }).collect(['os'])
  expect(sections.os).toMatchObject({ status, detail: error.message })
  expect(sections.os?.data).toBeUndefined()
})

test('a platform the agent cannot read yet is unsupported, not empty', async () => {
  const windowsOnly = { ...COLLECTORS.disks, platforms: ['win32' as const] }
  const { sections } = await new Inventory({ ...COLLECTORS, disks: windowsOnly }).collect(['disks'])
  expect(sections.disks).toMatchObject({ status: 'unsupported', detail: 'not supported by this agent on linux yet' })
})

test('two that ask at the same time both get the answer', async () => {
  const inventory = new Inventory()
  const answers = await Promise.all([inventory.collect(['disks']), inventory.collect(['disks'])])
  expect(answers.map(({ sections }) => sections.disks?.status)).toEqual(['ok', 'ok'])
})

test('a hung read is a timeout and is not started again while it hangs', async () => {
  const collect = vi.fn(() => new Promise<never>(() => {}))
  const inventory = new Inventory({ ...COLLECTORS, disks: { ...COLLECTORS.disks, collect } }, 20)
  expect((await inventory.collect(['disks'])).sections.disks).toMatchObject({ status: 'timeout' })
  expect((await inventory.collect(['disks'])).sections.disks).toMatchObject({ status: 'timeout' })
  expect(collect).toHaveBeenCalledTimes(1)
})

test('a costly section is read when it is due and answered from that reading in between', async () => {
  const collect = vi.fn(COLLECTORS.cpu.collect)
  const inventory = new Inventory({ ...COLLECTORS, cpu: { ...COLLECTORS.cpu, costly: true, collect } })
  expect(inventory.cheap).not.toContain('cpu')
  expect(inventory.due(3600)).toContain('cpu')
  await inventory.refresh(['cpu'])
  expect(inventory.due(3600)).not.toContain('cpu')
  expect(inventory.due(0)).toContain('cpu')
  const { hashes, sections } = await inventory.collect(['cpu'])
  expect(sections.cpu?.status).toBe('ok')
  expect(hashes['cpu']).toBe(inventory.hashes['cpu'])
  expect(collect).toHaveBeenCalledTimes(1)
  await inventory.refresh(['cpu'])
  expect(collect).toHaveBeenCalledTimes(2)
})

test('a refresh changes the hash that the next heartbeat tells', async () => {
  let hostname = 'before'
  const read = COLLECTORS.identity.collect
  const identity = { ...COLLECTORS.identity, collect: async () => ({ ...(await read()), hostname }) }
  const inventory = new Inventory({ ...COLLECTORS, identity })
  await inventory.refresh(['identity'])
  const first = inventory.hashes['identity']
  hostname = 'after'
  await inventory.refresh(['identity'])
  expect(inventory.hashes['identity']).not.toBe(first)
})

test('pending updates and their history are due again when the software changed', async () => {
  let items = [{ source: 'dpkg' as const, name: 'a', version: '1', architecture: 'all' }]
  const inventory = new Inventory({
    software: { ...COLLECTORS.software, collect: async () => items },
    updates: { ...COLLECTORS.updates, collect: async () => ({ manager: 'apt', listsUpdatedAt: null, updates: [] }) },
    update_history: { ...COLLECTORS.update_history, costly: true, collect: async () => [] },
  })
  await inventory.refresh(['software', 'updates', 'update_history'])
  await inventory.refresh(['software'])
  expect(inventory.due(3600)).toEqual([])
  items = []
  await inventory.refresh(['software'])
  expect(inventory.due(3600)).toEqual(['updates', 'update_history'])
})
