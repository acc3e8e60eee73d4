import * as z from 'zod'
import { readTextIfPresent } from '../../platform/linux.ts'
import { parseEffective } from '../../platform/linux/sshd-config.ts'
import { runProgram } from '../../platform/run-program.ts'
import { Unsupported } from '../section.ts'
import type { FindingData, FindingReaders } from './finding.ts'
import { sshSettings } from './ssh-settings.ts'

const TIMEOUT_MS = 30_000

export function macosPosture(): FindingReaders {
  return {
    diskEncryption: {
      source: 'fdesetup status',
      read: async () => parseFileVault(await ask('/usr/bin/fdesetup', ['status'])),
    },
    firewall: {
      source: 'socketfilterfw --getglobalstate',
      read: async () =>
        parseApplicationFirewall(await ask('/usr/libexec/ApplicationFirewall/socketfilterfw', ['--getglobalstate'])),
    },
    antimalware: {
      source: 'system_profiler SPInstallHistoryDataType',
      read: async () => parseXprotect(await ask('/usr/sbin/system_profiler', ['-json', 'SPInstallHistoryDataType'])),
    },
    ssh: { source: 'systemsetup -getremotelogin, sshd -T', read: readSsh },
    screenLock: {
      source: 'sysadminctl -screenLock status',
      read: async () => parseScreenLock(await ask('/usr/sbin/sysadminctl', ['-screenLock', 'status'])),
    },
    timeSync: {
      source: 'systemsetup -getusingnetworktime',
      read: async () => parseNetworkTime(await ask('/usr/sbin/systemsetup', ['-getusingnetworktime'])),
    },
    rebootPending: {
      source: 'none',
      read: () => Promise.reject(new Unsupported('macOS does not tell whether a restart is due')),
    },
    endOfLife: {
      source: 'none',
      read: () => Promise.reject(new Unsupported('macOS does not tell until when it is supported')),
    },
  }
}

/** Several of them answer on stderr. */
async function ask(program: string, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await runProgram(program, args, { timeoutMs: TIMEOUT_MS, maxBytes: 16_000_000 })
  const text = stdout.trim() === '' ? stderr : stdout
  if (/administrator access|must be root|requires root/i.test(text)) {
    throw Object.assign(new Error(`${program} needs root`), { code: 'EPERM' })
  }
  return text
}

/** Of the start volume and the data on it. While it is being encrypted or decrypted it is not encrypted. */
export function parseFileVault(text: string): FindingData<'diskEncryption'> {
  const state = /^FileVault is (On|Off)/m.exec(text)?.[1]
  if (state === undefined) throw new Error('fdesetup told nothing known')
  const encrypted = state === 'On' && !/Encryption in progress|Decryption in progress/i.test(text)
  return [{ mount: '/', encrypted, method: encrypted ? 'filevault' : null }]
}

/** State 2 blocks all that comes in; state 1 lets in what the user allowed or Apple signed. */
export function parseApplicationFirewall(text: string): FindingData<'firewall'> {
  const state = /State = (\d)/.exec(text)?.[1]
  if (state === undefined) throw new Error('socketfilterfw told nothing known')
  return {
    product: 'Application Firewall',
    installed: true,
    enabled: state !== '0',
    defaultDenyInbound: state === '0' ? null : state === '2',
  }
}

const history = z.object({
  SPInstallHistoryDataType: z.array(z.object({ _name: z.string(), install_date: z.string().optional() })),
})

export function parseXprotect(text: string): FindingData<'antimalware'> {
  const installs = history.parse(JSON.parse(text)).SPInstallHistoryDataType
  const dates = installs
    .filter(({ _name }) => /^XProtect(PlistConfigData|Payloads)/.test(_name))
    .map(({ install_date }) => new Date(install_date ?? Number.NaN))
    .filter((date) => !Number.isNaN(date.getTime()))
    .sort((a, b) => b.getTime() - a.getTime())
  return [{ product: 'XProtect', running: null, realTime: null, definitionsUpdatedAt: dates[0]?.toISOString() ?? null }]
}

async function readSsh(): Promise<FindingData<'ssh'>> {
  const login = await ask('/usr/sbin/systemsetup', ['-getremotelogin'])
  const running = /Remote Login: (On|Off)/.exec(login)?.[1]
  const { stdout, exitCode } = await runProgram('/usr/sbin/sshd', ['-T'], { timeoutMs: TIMEOUT_MS })
  if (exitCode !== 0 && (await readTextIfPresent('/etc/ssh/sshd_config')) === undefined) {
    throw new Unsupported('no SSH server is installed')
  }
  if (exitCode !== 0) throw new Error(`sshd -T ended with ${exitCode}`)
  return sshSettings(parseEffective(stdout), running === undefined ? null : running === 'On')
}

/** Of the user the agent runs as; a profile that forces it holds for everybody. */
export function parseScreenLock(text: string): FindingData<'screenLock'> {
  if (/screenLock is off/i.test(text)) return { enabled: false, afterSeconds: null }
  if (/screenLock delay is immediate/i.test(text)) return { enabled: true, afterSeconds: 0 }
  const seconds = /screenLock delay is (\d+)(?:\.\d+)? seconds/i.exec(text)?.[1]
  if (seconds === undefined) throw new Error('sysadminctl told nothing known')
  return { enabled: true, afterSeconds: Number(seconds) }
}

/** That it asks a server, not that it has had an answer. */
export function parseNetworkTime(text: string): FindingData<'timeSync'> {
  const state = /Network Time: (On|Off)/.exec(text)?.[1]
  if (state === undefined) throw new Error('systemsetup told nothing known')
  return { synchronized: null, service: 'timed', running: state === 'On' }
}
