/** What a device says of its protection, in one line. What it could not see is said to be unknown, never off. */
import type { Posture } from '@breeze/contract/agent-inventory'

type Finding = keyof Posture
type Data<Name extends Finding> = NonNullable<Posture[Name]['data']>

const DESCRIBE: { [Name in Finding]: (data: Data<Name>) => string } = {
  diskEncryption: (volumes) =>
    `${volumes.filter(({ encrypted }) => encrypted).length} of ${volumes.length} volumes encrypted`,
  firewall: ({ product, installed, enabled, defaultDenyInbound }) => {
    if (!installed) return 'no firewall installed'
    const inbound =
      defaultDenyInbound === null ? '' : `, inbound ${defaultDenyInbound ? 'denied' : 'allowed'} by default`
    return `firewall ${product ?? ''} ${onOff(enabled)}${inbound}`.replace('  ', ' ')
  },
  antimalware: (products) =>
    products.length === 0
      ? 'no anti-malware found'
      : products.map((one) => `anti-malware ${one.product} ${onOff(one.running)}`).join(', '),
  ssh: ({ running, passwordAuthentication, permitRootLogin }) =>
    `SSH ${onOff(running)}, passwords ${onOff(passwordAuthentication)}, root login ${permitRootLogin ?? 'unknown'}`,
  screenLock: ({ enabled, afterSeconds }) =>
    `screen lock ${onOff(enabled)}${afterSeconds === null ? '' : ` after ${afterSeconds} s`}`,
  timeSync: ({ synchronized, service, running }) =>
    `time ${synchronized === null ? 'of unknown accuracy' : synchronized ? 'synchronized' : 'not synchronized'}, ${service ?? 'its service'} ${onOff(running)}`,
  rebootPending: ({ pending, reasons }) => (pending ? `reboot pending (${reasons.join(', ')})` : 'no reboot pending'),
  endOfLife: ({ supportedUntil, product }) => `${product} supported until ${supportedUntil ?? 'an unknown date'}`,
}

export const FINDING_NAMES: Record<Finding, string> = {
  diskEncryption: 'disk encryption',
  firewall: 'firewall',
  antimalware: 'anti-malware',
  ssh: 'SSH',
  screenLock: 'screen lock',
  timeSync: 'time synchronization',
  rebootPending: 'pending reboot',
  endOfLife: 'end of support',
}

const onOff = (on: boolean | null): string => (on === null ? 'unknown' : on ? 'on' : 'off')

export function describePosture(posture: Posture): string {
  // Object.keys forgets the keys' type; they are exactly the findings.
  return (Object.keys(FINDING_NAMES) as Finding[]).map((name) => describe(name, posture)).join('; ')
}

const describe = (name: Finding, posture: Posture): string =>
  describeFinding(name, posture) ?? `${FINDING_NAMES[name]} unknown (${posture[name].status.replace('_', ' ')})`

/** Null where it could not be seen. */
export function describeFinding<Name extends Finding>(name: Name, posture: Posture): string | null {
  // The union over names can't say that the finding under this very name has its data.
  const { status, data } = posture[name] as { status: string; data?: Data<Name> }
  return status === 'ok' && data !== undefined ? DESCRIBE[name](data) : null
}
