import { MOST_SOFTWARE, type SoftwareItem, softwareKey } from '@breeze/contract/agent-inventory'
import { expect, test, vi } from 'vitest'
import type { PackageManager } from '../platform/packages/manager.ts'
import { Inventory } from './collect.ts'
import { distinct, softwareCollector } from './software.ts'

const item = (name: string, version = '1', more: Partial<SoftwareItem> = {}): SoftwareItem => ({
  source: 'rpm',
  name,
  version,
  architecture: 'x86_64',
  ...more,
})

function manager(source: SoftwareItem['source'], items: SoftwareItem[]) {
  const state = { fingerprint: 'a' as string | undefined }
  const read = vi.fn(async () => items)
  return { source, state, read, fingerprint: async () => state.fingerprint }
}

async function collect(...managers: PackageManager[]) {
  const inventory = new Inventory({ software: softwareCollector(managers, process.platform) })
  return async () => (await inventory.collect(['software'])).sections.software
}

test('several managers on one machine are all reported', async () => {
  const read = await collect(manager('rpm', [item('a')]), manager('snap', [item('b', '1', { source: 'snap' })]))
  expect(await read()).toMatchObject({ status: 'ok', source: 'rpm, snap', data: [{ name: 'a' }, { name: 'b' }] })
})

test('an unchanged database is not read again, a changed one is', async () => {
  const one = manager('rpm', [item('a')])
  const read = await collect(one)
  await read()
  await read()
  expect(one.read).toHaveBeenCalledTimes(1)
  one.state.fingerprint = 'b'
  await read()
  expect(one.read).toHaveBeenCalledTimes(2)
})

test('a manager that fails hides neither the others nor itself', async () => {
  const broken = manager('rpm', [])
  broken.read.mockRejectedValue(new Error('database is locked'))
  const read = await collect(broken, manager('dpkg', [item('b')]))
  expect(await read()).toMatchObject({
    status: 'ok',
    source: 'dpkg',
    detail: 'rpm could not be read, its packages are missing here: database is locked',
    data: [{ name: 'b' }],
  })
})

test('what a manager said last stays while it fails', async () => {
  const one = manager('rpm', [item('a')])
  const read = await collect(one, manager('dpkg', [item('b')]))
  await read()
  one.state.fingerprint = 'b'
  one.read.mockRejectedValue(new Error('locked'))
  const section = await read()
  expect(section?.data?.map(({ name }) => name)).toEqual(['a', 'b'])
  expect(section?.detail).toBe('rpm could not be read, its packages are as last read: locked')
})

test('when the only manager fails the section is an error, and without any it is unsupported', async () => {
  const broken = manager('rpm', [])
  broken.read.mockRejectedValue(new Error('locked'))
  expect(await (await collect(broken))()).toMatchObject({ status: 'error', detail: 'locked' })
  broken.state.fingerprint = undefined
  expect(await (await collect(broken))()).toMatchObject({ status: 'unsupported' })
})

test('two of one name are two, the newest under the plain name', () => {
  const older = item('kernel', '5.1', { installedAt: '2024-01-01T00:00:00.000Z' })
  const newer = item('kernel', '5.2', { installedAt: '2025-01-01T00:00:00.000Z' })
  const found = distinct([older, newer, older])
  expect(found.map(({ name, version }) => [name, version])).toEqual([
    ['kernel', '5.2'],
    ['kernel (5.1)', '5.1'],
  ])
  expect(new Set(found.map(softwareKey)).size).toBe(2)
})

test('a list that is too long is cut, and said so', async () => {
  const many = Array.from({ length: MOST_SOFTWARE + 5 }, (_, index) => item(`package-${index}`))
  const section = await (await collect(manager('rpm', many)))()
  expect(section?.data).toHaveLength(MOST_SOFTWARE)
  expect(section?.detail).toBe('5 packages more are installed than are reported')
})

test('a list that no frame could carry loses details first', async () => {
  const many = Array.from({ length: 15_000 }, (_, index) =>
    item(`package-${index}`, '1', { publisher: 'p'.repeat(200) }),
  )
  const section = await (await collect(manager('rpm', many)))()
  expect(section?.data).toHaveLength(15_000)
  expect(section?.data?.[0]).not.toHaveProperty('publisher')
})
