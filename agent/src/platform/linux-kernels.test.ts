import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { compareVersions, installedKernels, newerKernel } from './linux-kernels.ts'
import { rebootPending } from './reboot-pending.ts'

test('only images of kernels count', () => {
  const names = ['vmlinuz-6.1.0-35-amd64', 'initrd.img-6.1.0-36-amd64', 'vmlinuz-0-rescue-abc', 'vmlinuz-linux', 'grub']
  expect(installedKernels([...names, 'vmlinuz-6.1.0-30-amd64.old'])).toEqual(['6.1.0-35-amd64'])
})

test.each([
  ['6.1.0-9-amd64', ['6.1.0-9-amd64', '6.1.0-35-amd64'], { newest: '6.1.0-35-amd64' }],
  ['6.1.0-35-amd64', ['6.1.0-9-amd64', '6.1.0-35-amd64'], 'current'],
  ['6.1.0-9-amd64', ['6.1.0-9-amd64', '6.1.0-35-cloud-amd64'], 'current'],
  ['6.8.0-45-generic', ['6.8.0-45-generic', '6.8.0-101-generic'], { newest: '6.8.0-101-generic' }],
  [
    '5.14.0-427.el9.x86_64',
    ['5.14.0-427.el9.x86_64', '5.14.0-503.11.1.el9_5.x86_64'],
    { newest: '5.14.0-503.11.1.el9_5.x86_64' },
  ],
  ['6.18.44-fc-v769', ['6.1.0-35-amd64'], undefined],
  ['6.18.44-fc-v769', [], undefined],
])('running %s of %j gives %j', (running, installed, expected) => {
  expect(newerKernel(running, installed)).toEqual(expected)
})

test('versions are compared by their numbers', () => {
  expect(compareVersions('6.1.10', '6.1.9')).toBeGreaterThan(0)
  expect(compareVersions('6.1.rc1', '6.1.1')).toBeLessThan(0)
  expect(compareVersions('6.1', '6.1.1')).toBeLessThan(0)
  expect(compareVersions('6.1-1', '6.1.1')).toBe(0)
})

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'breeze-reboot-'))
})
afterEach(() => rmSync(root, { recursive: true }))

function put(path: string): void {
  mkdirSync(join(root, path, '..'), { recursive: true })
  writeFileSync(join(root, path), '')
}

test('a device without any sign either way says null, not no', () => {
  expect(rebootPending(root)).toBeNull()
})

test('the file of the packages is a yes, and a no only where somebody would write it', () => {
  put('etc/kernel/postinst.d/unattended-upgrades')
  expect(rebootPending(root)).toBe(false)
  put('run/reboot-required')
  expect(rebootPending(root)).toBe(true)
})

test('a newer kernel of the running kind is a yes', () => {
  put(`boot/vmlinuz-${release()}`)
  expect(rebootPending(root)).toBe(false)
  put(`boot/vmlinuz-999.${release()}`)
  expect(rebootPending(root)).toBe(true)
})

test('costs a heartbeat next to nothing', () => {
  rebootPending()
  const started = performance.now()
  for (let count = 0; count < 100; count++) rebootPending()
  expect((performance.now() - started) / 100).toBeLessThan(5)
})
