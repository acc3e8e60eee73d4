import type { FindingData } from './finding.ts'

type Ssh = FindingData<'ssh'>
const ROOT_LOGIN: Readonly<Record<string, Ssh['permitRootLogin']>> = {
  yes: 'yes',
  no: 'no',
  'prohibit-password': 'prohibit-password',
  'without-password': 'prohibit-password',
  'forced-commands-only': 'forced-commands-only',
}

/** `defaults` are those of OpenSSH, for settings that come from its files and not from itself. */
export function sshSettings(values: ReadonlyMap<string, string>, running: boolean | null): Ssh {
  const value = (name: string, otherwise: string) => values.get(name) ?? otherwise
  const interactive =
    value('kbdinteractiveauthentication', values.get('challengeresponseauthentication') ?? 'yes') === 'yes' &&
    value('usepam', 'no') === 'yes'
  return {
    running,
    // Through PAM the other way of asking asks for the same password.
    passwordAuthentication: value('passwordauthentication', 'yes') === 'yes' || interactive,
    permitRootLogin: ROOT_LOGIN[value('permitrootlogin', 'prohibit-password')] ?? null,
    port: portOf(value('port', '22')),
  }
}

function portOf(text: string): number | null {
  const port = Number(text)
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : null
}
