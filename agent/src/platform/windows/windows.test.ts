import { inventorySections } from '@breeze/contract/agent-inventory'
import { expect, test } from 'vitest'
import { recordedJson } from '../../../test/recorded.ts'
import { windowsFacts } from './facts.ts'
import { windowsCpu, windowsDisks, windowsIdentity, windowsMemory, windowsNetwork, windowsOs } from './sections.ts'
import { parseWindowsServices } from './services.ts'
import { parseAppx, parseUninstall } from './software.ts'
import { parseWindowsUpdates } from './updates.ts'

const facts = windowsFacts.parse(recordedJson('windows/facts.json'))

test('the base sections come from one set of facts, in the shape of the contract', () => {
  const data = {
    identity: windowsIdentity(facts, 'SRV01'),
    os: windowsOs(facts, 'boot'),
    cpu: windowsCpu(facts),
    memory: windowsMemory(facts),
    disks: windowsDisks(facts),
    network: windowsNetwork(facts),
  }
  for (const [name, value] of Object.entries(data)) {
    const section = { status: 'ok', source: 'x', collectedAt: new Date().toISOString(), data: value }
    expect(inventorySections.partial().parse({ [name]: section })).toEqual({ [name]: section })
  }
  expect(data.identity).toMatchObject({ vendor: 'VMware, Inc.', virtualization: 'vmware' })
  expect(data.os).toMatchObject({
    family: 'windows',
    name: 'Microsoft Windows Server 2022 Standard',
    productType: 'server',
    bootedAt: '2024-04-24T06:12:31.500Z',
  })
  expect(data.cpu).toEqual({ model: 'Intel(R) Xeon(R) Gold 6248R CPU @ 3.00GHz', sockets: 2, cores: 4, threads: 4 })
  expect(data.memory).toEqual({
    totalBytes: 17178800128,
    availableBytes: 9663676416,
    swapTotalBytes: 2550136832,
    swapFreeBytes: 2424307712,
  })
})

test('a volume that tells no size is left out, a percentage is rounded up', () => {
  expect(windowsDisks(facts)).toEqual([
    {
      mount: 'C:',
      device: 'C:',
      filesystem: 'NTFS',
      totalBytes: 106770198528,
      usedBytes: 43646742528,
      availableBytes: 63123456000,
      usedPercent: 41,
    },
  ])
})

test('adapters have the addresses of their configuration', () => {
  expect(windowsNetwork(facts)).toEqual([
    {
      name: 'Ethernet0',
      mac: '00:50:56:9a:1b:2c',
      up: true,
      addresses: ['192.168.10.21', 'fe80::d5a1:9c2e:8b13:77f0'],
    },
    { name: 'Ethernet1', mac: null, up: false, addresses: [] },
  ])
})

test('services are told in the words of the contract, whatever the language of their names', () => {
  const found = parseWindowsServices(recordedJson('windows/services.json'))
  expect(found.map(({ name, state, start, pid }) => [name, state, start, pid])).toEqual([
    ['Spooler', 'running', 'automatic', 2212],
    ['RemoteRegistry', 'stopped', 'disabled', null],
    ['wuauserv', 'stopping', 'manual', 1044],
    ['odd', 'unknown', 'unknown', null],
  ])
  // One service alone is printed as one object, and none as nothing.
  const one = { Name: 'Spooler', DisplayName: 'Print Spooler', State: 'Running', StartMode: 'Auto', ProcessId: 2144 }
  expect(parseWindowsServices(one)).toEqual([expect.objectContaining({ name: 'Spooler', pid: 2144 })])
  expect(parseWindowsServices([])).toEqual([])
})

test('programs count, their parts and updates do not', () => {
  expect(parseUninstall(recordedJson('windows/uninstall.json'))).toEqual([
    {
      source: 'registry',
      name: '7-Zip 23.01 (x64)',
      version: '23.01',
      architecture: 'x64',
      publisher: 'Igor Pavlov',
      installedAt: '2024-03-11T00:00:00.000Z',
      sizeBytes: 5740544,
    },
    {
      source: 'registry',
      name: 'Notepad++ (32-bit x86)',
      version: '8.6.4',
      architecture: 'x86',
      publisher: 'Notepad++ Team',
    },
  ])
})

test('one app alone is a list too', () => {
  expect(parseAppx(recordedJson('windows/appx.json'))).toEqual([
    {
      source: 'appx',
      name: 'Microsoft.WindowsCalculator',
      version: '11.2401.0.0',
      architecture: 'x64',
      publisher: 'Microsoft Corporation',
    },
  ])
})

test('updates tell article, severity and security by the category’s id', () => {
  const found = parseWindowsUpdates(recordedJson('windows/updates.json'))
  expect(found.listsUpdatedAt).toBe('2024-04-24T05:10:11.000Z')
  expect(found.updates.map(({ article, severity, security }) => [article, severity, security])).toEqual([
    ['KB5036909', 'important', true],
    ['KB890830', undefined, false],
    [undefined, undefined, false],
  ])
})
