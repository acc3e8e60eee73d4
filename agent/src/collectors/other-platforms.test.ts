import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { postureData, usersSection } from '@breeze/contract/agent-inventory'
import { describe, expect, test } from 'vitest'
import { readPosture } from './posture.ts'
import {
  parseApplicationFirewall,
  parseFileVault,
  parseNetworkTime,
  parseScreenLock,
  parseXprotect,
} from './posture/macos.ts'
import { windowsFindings } from './posture/windows.ts'
import { parseCheckMember, parseMembers, parseRecords, parseWho, userOf } from './users-macos.ts'
import { parseWindowsUsers } from './users-windows.ts'

const recorded = (name: string) => readFileSync(join(import.meta.dirname, '../../test/recorded', name), 'utf8')
const users = usersSection.shape.data.unwrap()

describe('Windows, recorded', () => {
  const read = async (json: unknown) =>
    postureData.parse(
      await readPosture(
        windowsFindings(async () => json),
        5000,
      ),
    )

  test('accounts, administrators and desktops', () => {
    const found = users.parse(parseWindowsUsers(JSON.parse(recorded('windows-users.json'))))
    expect(found.users.map((u) => [u.name, u.administrator, u.enabled, u.password, u.passwordChangedOn])).toEqual([
      ['Administrator', true, false, null, null],
      ['anna', true, true, 'set', '2026-03-01'],
      ['bert', false, true, 'set', '2026-04-02'],
    ])
    expect(found.users[1]).toMatchObject({
      id: 'S-1-5-21-1-2-3-1001',
      displayName: 'Anna Ant',
      lastSignInAt: '2026-11-25T08:00:00.123Z',
    })
    expect(found.sessions).toEqual([
      { user: 'PC1\\anna', terminal: 'session 1', since: '2026-11-25T08:00:01.000Z', from: null },
    ])
    expect(found.incomplete).toEqual(['members of CORP\\Domain Admins are administrators'])
    const single = {
      users: { name: 'x', sid: 'S-1', enabled: true },
      admins: null,
      sessions: [],
      unclear: 'the members',
    }
    expect(parseWindowsUsers(single)).toMatchObject({ users: [{ name: 'x' }], incomplete: ['the members'] })
  })

  test('posture of a protected workstation', async () => {
    const found = await read(JSON.parse(recorded('windows-posture.json')))
    expect(found.diskEncryption.data).toEqual([
      { mount: 'C:\\', encrypted: true, method: 'bitlocker xts-aes256' },
      { mount: 'D:\\', encrypted: false, method: null },
    ])
    expect(found.firewall.data).toEqual({
      product: 'Windows Firewall',
      installed: true,
      enabled: true,
      defaultDenyInbound: true,
    })
    expect(found.antimalware.data).toEqual([
      {
        product: 'Microsoft Defender',
        running: true,
        realTime: true,
        definitionsUpdatedAt: '2026-11-25T03:00:00.000Z',
      },
      { product: 'Other Antivirus', running: false, realTime: false, definitionsUpdatedAt: null },
    ])
    expect(found.ssh.data).toEqual({ running: true, passwordAuthentication: false, permitRootLogin: null, port: 2222 })
    expect(found.screenLock.data).toEqual({ enabled: true, afterSeconds: 600 })
    expect(found.timeSync.data).toEqual({ synchronized: true, service: 'w32time', running: true })
    expect(found.rebootPending.data).toEqual({ pending: true, reasons: ['Windows Update', 'a new computer name'] })
    expect(found.endOfLife).toMatchObject({ status: 'unsupported' })
  })

  test('each part fails for itself, with its reason', async () => {
    const found = await read(JSON.parse(recorded('windows-posture-bare.json')))
    expect(found.diskEncryption).toMatchObject({ status: 'no_permission', detail: 'Access denied ' })
    expect(found.firewall.data).toMatchObject({ enabled: false, defaultDenyInbound: null })
    // A server has no Security Center, and Defender may be uninstalled.
    expect(found.antimalware).toMatchObject({ status: 'error' })
    expect(found.ssh).toMatchObject({ status: 'unsupported', detail: 'no OpenSSH server is installed' })
    expect(found.screenLock).toMatchObject({ status: 'unsupported' })
    expect(found.timeSync.data).toEqual({ synchronized: null, service: 'w32time', running: false })
    expect(found.rebootPending.data).toEqual({ pending: false, reasons: [] })
  })

  test('nonsense is an error of each finding', async () => {
    const found = await read({ volumes: 7, firewall: { value: [{ name: 3 }] } })
    expect([found.diskEncryption.status, found.firewall.status, found.timeSync.status]).toEqual([
      'error',
      'error',
      'error',
    ])
  })
})

describe('macOS, recorded', () => {
  test('accounts by dscl', () => {
    const records = parseRecords(recorded('macos-dscl-users.txt'))
    const admins = new Set(parseMembers('GroupMembership: root anna\n'))
    const found = records.map((record) => userOf(record, admins)).filter((user) => user !== undefined)
    expect(
      found.map((u) => [u.name, u.id, u.displayName, u.administrator, u.enabled, u.interactive, u.password]),
    ).toEqual([
      ['_spotlight', '89', 'Spotlight', false, true, false, 'locked'],
      ['anna', '501', 'Anna Ant', true, true, true, 'set'],
      ['bert', '502', 'Bert', false, false, true, 'set'],
      ['root', '0', 'System Administrator', true, true, true, 'locked'],
    ])
    expect(parseCheckMember('yes anna is a member of admin\n')).toBe(true)
    expect(parseCheckMember('no bert is NOT a member of admin\n')).toBe(false)
    expect(parseMembers('No such key: GroupMembership')).toEqual([])
  })

  test('sessions by who', () => {
    const text = 'anna     console  Nov 24 09:00 \nanna     ttys001  Dec 31 10:00 \t(192.0.2.7)\ngarbage\n'
    expect(parseWho(text, new Date(2026, 10, 25))).toEqual([
      { user: 'anna', terminal: 'console', since: new Date(2026, 10, 24, 9).toISOString(), from: null },
      { user: 'anna', terminal: 'ttys001', since: new Date(2025, 11, 31, 10).toISOString(), from: '192.0.2.7' },
    ])
  })

  test('posture', () => {
    expect(parseFileVault('FileVault is On.\n')).toEqual([{ mount: '/', encrypted: true, method: 'filevault' }])
    expect(parseFileVault('FileVault is Off.\n')[0]?.encrypted).toBe(false)
    expect(parseFileVault('FileVault is On.\nEncryption in progress: Percent completed = 12.3\n')[0]?.encrypted).toBe(
      false,
    )
    expect(() => parseFileVault('')).toThrow('nothing known')
    const states = [
      'disabled. (State = 0)',
      'enabled. (State = 1)',
      'blocking all non-essential incoming connections. (State = 2)',
    ]
    expect(
      states.map((state) => {
        const { enabled, defaultDenyInbound } = parseApplicationFirewall(`Firewall is ${state}`)
        return [enabled, defaultDenyInbound]
      }),
    ).toEqual([
      [false, null],
      [true, false],
      [true, true],
    ])
    expect(parseXprotect(recorded('macos-install-history.json'))).toEqual([
      { product: 'XProtect', running: null, realTime: null, definitionsUpdatedAt: '2026-11-20T03:04:05.000Z' },
    ])
    const lock = (text: string) => parseScreenLock(`2026-11-25 10:00:00.123 sysadminctl[1:2] screenLock ${text}`)
    expect([lock('delay is 300 seconds'), lock('delay is immediate'), lock('is off')]).toEqual([
      { enabled: true, afterSeconds: 300 },
      { enabled: true, afterSeconds: 0 },
      { enabled: false, afterSeconds: null },
    ])
    expect(parseNetworkTime('Network Time: On')).toEqual({ synchronized: null, service: 'timed', running: true })
  })
})
