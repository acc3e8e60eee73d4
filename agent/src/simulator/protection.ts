import { CAPABILITIES, type Capability } from '@breeze/contract/agent-capabilities'
import type { Posture, SectionData } from '@breeze/contract/agent-inventory'
import type { Facts } from './facts.ts'
import { seededChance } from './seeded.ts'

const SOURCE = 'simulated'
const ok = <T>(data: T) => ({ status: 'ok' as const, source: SOURCE, data })

const account = (name: string, id: string, administrator: boolean) => ({
  name,
  id,
  displayName: null,
  administrator,
  enabled: true,
  interactive: true,
  password: 'set' as const,
  passwordChangedOn: null,
  lastSignInAt: null,
})

/** Accounts, protection and pending updates follow from the seed: most machines are in order, some are not. */
export function usersOf({ system, machineId }: Facts): SectionData<'users'> {
  const chance = seededChance(`${machineId}\nusers`)
  const person = chance.pick(['anna', 'bert', 'chris', 'dana', 'erik', 'fatima'])
  const root = { windows: 'Administrator', linux: 'root', macos: 'root' }[system.family]
  const isWindows = system.family === 'windows'
  const id = (number: number): string => (isWindows ? `S-1-5-21-${machineId.slice(0, 8)}-${number}` : String(number))
  return {
    users: [account(root, id(isWindows ? 500 : 0), true), account(person, id(1000), chance.next() < 0.2)],
    sessions: [],
  }
}

/** `restartDue`: null where nothing was installed, and the seed decides. */
export function postureOf({ system, machineId, disks }: Facts, restartDue: boolean | null): Posture {
  const chance = seededChance(`${machineId}\nposture`)
  const likely = (share: number): boolean => chance.next() < share
  const encrypted = likely(0.7)
  const firewall = likely(0.9)
  const antimalware = { windows: 'Microsoft Defender Antivirus', linux: 'ClamAV', macos: 'XProtect' }[system.family]
  const method = encrypted ? { windows: 'BitLocker', linux: 'LUKS', macos: 'FileVault' }[system.family] : null
  return {
    diskEncryption: ok(disks.map(({ mount }) => ({ mount, encrypted, method }))),
    firewall: ok({ product: SOURCE, installed: true, enabled: firewall, defaultDenyInbound: firewall }),
    antimalware: ok([
      { product: antimalware, running: likely(0.95), realTime: likely(0.9), definitionsUpdatedAt: null },
    ]),
    ssh: ok({
      running: system.family === 'linux',
      passwordAuthentication: likely(0.3),
      permitRootLogin: null,
      port: 22,
    }),
    screenLock: ok({ enabled: likely(0.8), afterSeconds: 600 }),
    timeSync: ok({ synchronized: likely(0.95), service: null, running: true }),
    rebootPending: ok({ pending: restartDue ?? likely(0.1), reasons: restartDue ? ['updates were installed'] : [] }),
    endOfLife: { status: 'unsupported', source: SOURCE, detail: 'a simulated device knows of no end of support' },
  }
}

const LACKING: ReadonlySet<Capability> = new Set(['files.list', 'files.read', 'files.put', 'files.delete'])

export function capabilitiesOfDevice({ system }: Facts): SectionData<'capabilities'> {
  return CAPABILITIES.map((name) => {
    const language = /^script\.(bash|sh|python|powershell|cmd)$/.exec(name)?.[1]
    if (language !== undefined && !system.interpreters.some((known) => known === language))
      return { name, supported: false, reason: `no interpreter for ${language} is installed on this device` }
    if (name === 'agent.update')
      return { name, supported: false, reason: 'a simulated device has no program that could be another version' }
    if (LACKING.has(name)) return { name, supported: false, reason: 'a simulated device has no files' }
    return { name, supported: true }
  })
}
