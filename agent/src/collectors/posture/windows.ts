import * as z from 'zod'
import { runPowershell } from '../../platform/windows/powershell.ts'
import { Unsupported } from '../section.ts'
import type { FindingData, FindingName, FindingReader, FindingReaders } from './finding.ts'

/** One start of PowerShell for all of them; each part has its own failure. */
const SCRIPT = `
function Part($block){try{[pscustomobject]@{value=@(& $block)}}catch{
 [pscustomobject]@{error=[string]$_.Exception.Message;denied=($_.Exception.Message -match 'denied|0x80070005|0x80041003')}}}
function Reg($path,$name){(Get-ItemProperty -Path $path -Name $name -ErrorAction SilentlyContinue).$name}
[pscustomobject]@{
 volumes=Part{Get-CimInstance -Namespace root/cimv2/Security/MicrosoftVolumeEncryption -ClassName Win32_EncryptableVolume -ErrorAction Stop|
  Where-Object{$_.DriveLetter}|ForEach-Object{[pscustomobject]@{mount=$_.DriveLetter+'\\';protection=[int]$_.ProtectionStatus;conversion=[int]$_.ConversionStatus;method=[int]$_.EncryptionMethod}}}
 firewall=Part{Get-NetFirewallProfile -PolicyStore ActiveStore|ForEach-Object{[pscustomobject]@{name=[string]$_.Name;enabled=([string]$_.Enabled -eq 'True');inbound=[string]$_.DefaultInboundAction}}}
 defender=Part{Get-MpComputerStatus|ForEach-Object{[pscustomobject]@{running=[bool]$_.AntivirusEnabled;realTime=[bool]$_.RealTimeProtectionEnabled
  updated=$(if($_.AntivirusSignatureLastUpdated){$_.AntivirusSignatureLastUpdated.ToUniversalTime().ToString('o')}else{$null})}}}
 products=Part{Get-CimInstance -Namespace root/SecurityCenter2 -ClassName AntiVirusProduct -ErrorAction Stop|ForEach-Object{[pscustomobject]@{name=$_.displayName;state=[int64]$_.productState}}}
 ssh=Part{$service=Get-Service sshd -ErrorAction SilentlyContinue;if($service){$path=Join-Path $env:ProgramData 'ssh\\sshd_config'
  [pscustomobject]@{running=($service.Status -eq 'Running');config=$(if(Test-Path $path){Get-Content -Raw $path}else{''})}}}
 screen=Part{[pscustomobject]@{inactivity=Reg 'HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System' 'InactivityTimeoutSecs'
  active=Reg 'HKLM:\\SOFTWARE\\Policies\\Microsoft\\Windows\\Control Panel\\Desktop' 'ScreenSaveActive'
  secure=Reg 'HKLM:\\SOFTWARE\\Policies\\Microsoft\\Windows\\Control Panel\\Desktop' 'ScreenSaverIsSecure'
  timeout=Reg 'HKLM:\\SOFTWARE\\Policies\\Microsoft\\Windows\\Control Panel\\Desktop' 'ScreenSaveTimeOut'}}
 time=Part{$service=Get-Service w32time;[pscustomobject]@{running=($service.Status -eq 'Running');status=[string]((w32tm /query /status /verbose 2>&1)-join [char]10)}}
 reboot=Part{[pscustomobject]@{servicing=(Test-Path 'HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Component Based Servicing\\RebootPending')
  update=(Test-Path 'HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WindowsUpdate\\Auto Update\\RebootRequired')
  renames=[bool](Reg 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Session Manager' 'PendingFileRenameOperations')
  renamed=((Reg 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ActiveComputerName' 'ComputerName') -ne (Reg 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ComputerName' 'ComputerName'))}}
}|ConvertTo-Json -Compress -Depth 5`

export function windowsPosture(): FindingReaders {
  // Asked by all findings at the same time, answered once.
  const answer = runPowershell(SCRIPT, { timeoutMs: 75_000 })
  answer.catch(() => undefined)
  return windowsFindings(() => answer)
}

const part = <T extends z.ZodType>(value: T) =>
  z.union([
    z.object({
      value: z.preprocess((found) => (found === null ? [] : Array.isArray(found) ? found : [found]), z.array(value)),
    }),
    z.object({ error: z.string(), denied: z.boolean() }),
  ])
const number = z.coerce.number().nullish()

/** `json` gives what the script printed; separate, so that recorded output can be read. */
export function windowsFindings(json: () => Promise<unknown>): FindingReaders {
  const reader =
    <T extends z.ZodType>(key: string, shape: T) =>
    <N extends FindingName>(source: string, read: (found: z.infer<T>[]) => FindingData<N>): FindingReader<N> => ({
      source,
      read: async () => read(await partOf(json, key, shape)),
    })
  return {
    diskEncryption: reader('volumes', volume)('Win32_EncryptableVolume', (volumes) => volumes.map(volumeOf)),
    firewall: reader('firewall', profile)('Get-NetFirewallProfile, active policy', firewallOf),
    antimalware: {
      source: 'Get-MpComputerStatus, SecurityCenter2',
      read: () => antimalware(json),
    },
    ssh: reader('ssh', sshService)('service sshd, %ProgramData%\\ssh\\sshd_config', sshOf),
    screenLock: reader('screen', screen)('policies of this computer in the registry', ([found]) => screenOf(found)),
    timeSync: reader('time', time)('w32time, w32tm /query /status', ([found]) => timeOf(found)),
    rebootPending: reader('reboot', reboot)('keys of the registry', ([found]) => rebootOf(found)),
    endOfLife: {
      source: 'none',
      read: () => Promise.reject(new Unsupported('Windows does not tell until when it is supported')),
    },
  }
}

async function partOf<T extends z.ZodType>(json: () => Promise<unknown>, key: string, shape: T): Promise<z.infer<T>[]> {
  const found = z.record(z.string(), z.unknown()).parse(await json())[key]
  const parsed = part(shape).parse(found)
  if ('value' in parsed) return parsed.value
  if (parsed.denied) throw Object.assign(new Error(parsed.error), { code: 'EACCES' })
  if (/invalid (namespace|class)/i.test(parsed.error)) throw new Unsupported(parsed.error)
  throw new Error(parsed.error)
}

// ---------------------------------------------------------------- volumes

const volume = z.object({ mount: z.string(), protection: number, conversion: number, method: number })
/** EncryptionMethod of Win32_EncryptableVolume. */
const METHODS: Readonly<Record<number, string>> = {
  1: 'bitlocker aes128 diffuser',
  2: 'bitlocker aes256 diffuser',
  3: 'bitlocker aes128',
  4: 'bitlocker aes256',
  5: 'bitlocker hardware',
  6: 'bitlocker xts-aes128',
  7: 'bitlocker xts-aes256',
}

/** Encrypted and protected: while protection is suspended the key lies in the clear on the disk. */
function volumeOf({ mount, protection, conversion, method }: z.infer<typeof volume>) {
  const encrypted = protection === 1 && conversion === 1
  return { mount, encrypted, method: encrypted ? (METHODS[method ?? 0] ?? 'bitlocker') : null }
}

// ---------------------------------------------------------------- firewall

const profile = z.object({ name: z.string(), enabled: z.boolean(), inbound: z.string() })

/** On is on in every profile: the network decides which one holds. NotConfigured is Block (its default). */
function firewallOf(profiles: z.infer<typeof profile>[]): FindingData<'firewall'> {
  if (profiles.length === 0) throw new Unsupported('this system has no firewall profiles')
  const enabled = profiles.every((found) => found.enabled)
  const denies = profiles.every(({ inbound }) => /^(block|notconfigured|4|0)$/i.test(inbound))
  return { product: 'Windows Firewall', installed: true, enabled, defaultDenyInbound: enabled ? denies : null }
}

// ---------------------------------------------------------------- antimalware

const defender = z.object({ running: z.boolean(), realTime: z.boolean(), updated: z.string().nullish() })
const product = z.object({ name: z.string(), state: z.number() })

/** The Security Center lists every product, and servers have none; Defender tells more of itself. */
async function antimalware(json: () => Promise<unknown>): Promise<FindingData<'antimalware'>> {
  const [own, listed] = await Promise.allSettled([
    partOf(json, 'defender', defender),
    partOf(json, 'products', product),
  ])
  if (own.status === 'rejected' && listed.status === 'rejected') throw own.reason
  const found: FindingData<'antimalware'> = []
  for (const { running, realTime, updated } of own.status === 'fulfilled' ? own.value : []) {
    found.push({ product: 'Microsoft Defender', running, realTime, definitionsUpdatedAt: isoOf(updated) })
  }
  for (const { name, state } of listed.status === 'fulfilled' ? listed.value : []) {
    if (/defender/i.test(name) && found.length > 0) continue
    // Its second byte: 0x10 is on, 0x11 is expired and on; the third tells whether the definitions are current.
    const running = ((state >> 12) & 0xf) === 1
    found.push({ product: name.slice(0, 120), running, realTime: running, definitionsUpdatedAt: null })
  }
  return found.slice(0, 16)
}

function isoOf(text: string | null | undefined): string | null {
  const at = new Date(text ?? Number.NaN)
  // Never updated is the beginning of Windows time.
  return Number.isNaN(at.getTime()) || at.getUTCFullYear() < 2000 ? null : at.toISOString()
}

// ---------------------------------------------------------------- ssh

const sshService = z.object({ running: z.boolean(), config: z.string() })

function sshOf([found]: z.infer<typeof sshService>[]): FindingData<'ssh'> {
  if (!found) throw new Unsupported('no OpenSSH server is installed')
  const value = (name: string) =>
    new RegExp(`^\\s*${name}\\s+(\\S+)`, 'im').exec(found.config.split(/^\s*Match\s/im)[0] ?? '')?.[1]?.toLowerCase()
  return {
    running: found.running,
    passwordAuthentication: value('PasswordAuthentication') !== 'no',
    // Windows has no root.
    permitRootLogin: null,
    port: Number(value('Port') ?? 22) || null,
  }
}

// ---------------------------------------------------------------- screen, time, restart

const screen = z.object({ inactivity: number, active: number, secure: number, timeout: number })

function screenOf(found: z.infer<typeof screen> | undefined): FindingData<'screenLock'> {
  const limits: number[] = []
  if (found?.inactivity) limits.push(found.inactivity)
  if (found?.active === 1 && found.secure === 1 && found.timeout) limits.push(found.timeout)
  if (limits.length > 0) return { enabled: true, afterSeconds: Math.min(...limits) }
  throw new Unsupported('no policy of this computer locks the screen; what each user chose is not read')
}

const time = z.object({ running: z.boolean(), status: z.string() })

/** Leap indicator 3 is "not synchronised" in every language; its words are translated. */
function timeOf(found: z.infer<typeof time> | undefined): FindingData<'timeSync'> {
  if (!found) throw new Error('w32time told nothing')
  const leap = /^[^:\n]+:\s*(\d)\s*\(/m.exec(found.status)?.[1]
  const synchronized = found.running && leap !== undefined ? leap !== '3' : null
  return { synchronized, service: 'w32time', running: found.running }
}

const reboot = z.object({ servicing: z.boolean(), update: z.boolean(), renames: z.boolean(), renamed: z.boolean() })

function rebootOf(found: z.infer<typeof reboot> | undefined): FindingData<'rebootPending'> {
  if (!found) throw new Error('the registry told nothing')
  const reasons = [
    found.servicing && 'component servicing',
    found.update && 'Windows Update',
    found.renames && 'files to be replaced at the start',
    found.renamed && 'a new computer name',
  ].filter((reason) => reason !== false)
  return { pending: reasons.length > 0, reasons }
}
