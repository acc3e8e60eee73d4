import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inventorySections } from '@breeze/contract/agent-inventory'
import { expect, test } from 'vitest'
import { recorded, recordedJson } from '../../../test/recorded.ts'
import { macosCpu, macosDisks, macosIdentity, macosMemory, macosNetwork, macosOs } from './sections.ts'
import { mergeServices, parseDisabled, parseLaunchctlList, parsePlist } from './services.ts'
import { homebrew, parseApplications } from './software.ts'
import { parseDefaultsDate, parseSoftwareUpdate } from './updates.ts'

const text = (name: string) => recorded(`macos/${name}`)

test('the base sections have the shape of the contract', () => {
  const data = {
    identity: macosIdentity(recordedJson('macos/hardware.json'), 'mac', false),
    os: macosOs(text('sw_vers.txt'), text('boottime.txt'), '23.4.0', 'boot'),
    cpu: macosCpu(text('sysctl-cpu.txt')),
    memory: macosMemory(text('sysctl-memory.txt'), text('vm_stat.txt')),
    disks: macosDisks(text('df.txt'), text('mount.txt')),
    network: macosNetwork(text('ifconfig.txt')),
  }
  for (const [name, value] of Object.entries(data)) {
    const section = { status: 'ok', source: 'x', collectedAt: new Date().toISOString(), data: value }
    expect(inventorySections.partial().parse({ [name]: section })).toEqual({ [name]: section })
  }
  expect(data.identity).toMatchObject({ model: 'Mac14,2', serial: 'C02XK0AAJG5J', virtualization: null })
  expect(data.os).toMatchObject({
    family: 'macos',
    name: 'macOS',
    version: '14.4.1',
    bootedAt: '2024-04-24T06:12:31.000Z',
  })
  expect(data.cpu).toEqual({ model: 'Apple M2', sockets: 1, cores: 8, threads: 8 })
  expect(data.memory).toEqual({
    totalBytes: 17179869184,
    availableBytes: (12345 + 310000 + 2655) * 16384,
    swapTotalBytes: 2147483648,
    swapFreeBytes: 1063518208,
  })
})

test('a missing value is an error, not a zero', () => {
  expect(() => macosCpu('hw.packages: 1\n')).toThrow('machdep.cpu.brand_string is missing')
  expect(() => macosMemory(text('sysctl-memory.txt'), 'nothing')).toThrow('vm_stat tells no page size')
})

test('the disks of a person count, the system’s own parts do not', () => {
  const found = macosDisks(text('df.txt'), text('mount.txt'))
  expect(found.map(({ mount, filesystem, usedPercent }) => [mount, filesystem, usedPercent])).toEqual([
    ['/', 'apfs', 6],
    ['/System/Volumes/Data', 'apfs', 62],
    ['/Volumes/Backup Disk', 'hfs', 11],
  ])
})

test('an interface is up where its carrier is', () => {
  expect(macosNetwork(text('ifconfig.txt'))).toEqual([
    { name: 'lo0', mac: null, up: true, addresses: ['127.0.0.1', '::1', 'fe80::1'] },
    { name: 'en0', mac: '3c:06:30:1a:2b:3c', up: true, addresses: ['192.168.1.50', 'fe80::14d1:7c5e:9a0b:1f2e'] },
    { name: 'en1', mac: '36:11:22:33:44:00', up: false, addresses: [] },
  ])
})

test('services are what launchd has and what it could load', () => {
  const plist = parsePlist(text('daemon.plist'))
  expect(plist).toEqual({ label: 'com.example.daemon', start: 'automatic' })
  expect(parsePlist('bplist00')).toEqual({ label: undefined, start: 'unknown' })
  const starts = new Map([
    ['com.example.daemon', plist.start],
    ['com.apple.ftpd', 'manual' as const],
  ])
  const found = mergeServices(
    parseLaunchctlList(text('launchctl-list.txt')),
    parseDisabled(text('print-disabled.txt')),
    starts,
  )
  expect(found.map(({ name, state, start, pid }) => [name, state, start, pid])).toEqual([
    ['com.apple.backupd', 'stopped', 'unknown', null],
    ['com.apple.ftpd', 'stopped', 'disabled', null],
    ['com.apple.logd', 'running', 'unknown', 312],
    ['com.example.crashes', 'failed', 'unknown', null],
    ['com.example.daemon', 'running', 'automatic', 811],
  ])
})

test('disabled is told in the words of old and new systems', () => {
  expect([...parseDisabled(text('print-disabled.txt'))]).toEqual(['com.apple.ftpd', 'com.example.old'])
})

test('applications tell who signed them', () => {
  const found = parseApplications(recordedJson('macos/applications.json'))
  expect(found.map((app) => [app.name, app.version, app.architecture, app.publisher])).toEqual([
    ['Safari', '17.4.1', 'universal', 'Software Signing'],
    ['Example', '2.0', 'x64', 'Example GmbH'],
    ['Nameless', '', '', undefined],
  ])
})

test('homebrew formulas and casks are the folders of its cellar', async () => {
  const prefix = mkdtempSync(join(tmpdir(), 'breeze-brew-'))
  for (const keg of [
    'Cellar/jq/1.7.1',
    'Cellar/openssl@3/3.2.1',
    'Caskroom/firefox/125.0',
    'Caskroom/firefox/.metadata',
  ]) {
    mkdirSync(join(prefix, keg), { recursive: true })
  }
  const brew = homebrew([prefix, '/nonexistent'])
  expect((await brew.read()).map(({ name, version }) => `${name} ${version}`)).toEqual([
    'jq 1.7.1',
    'openssl@3 3.2.1',
    'firefox 125.0',
  ])
  const before = await brew.fingerprint()
  mkdirSync(join(prefix, 'Cellar/jq/1.8.0'))
  expect(await brew.fingerprint()).not.toBe(before)
  expect(await homebrew(['/nonexistent']).fingerprint()).toBeUndefined()
  rmSync(prefix, { recursive: true })
})

test('updates tell title and version, and security where the name does', () => {
  expect(
    parseSoftwareUpdate(text('softwareupdate.txt')).map((found) => [found.name, found.available, found.security]),
  ).toEqual([
    ['macOS Sonoma 14.5', '14.5', null],
    ['Security Update 2024-002', '12.7.4', true],
  ])
  expect(parseDefaultsDate('2024-04-24 06:01:12 +0000\n')).toBe('2024-04-24T06:01:12.000Z')
  expect(parseDefaultsDate('nonsense')).toBeNull()
})
