/** What stands between the device and whoever should not get in. */
import { isServerLike } from '../../devices/scope.ts'
import { type Check, fail, notApplicable, pass, unknown } from './check.ts'
import { DAY_MS, day, ofPosture, readPosture } from './facts.ts'

export const diskEncrypted: Check = {
  id: 'disk_encrypted',
  version: 1,
  title: 'Disks are encrypted',
  passes: () => 'Every fixed volume is encrypted.',
  severity: 'high',
  judge: ofPosture('diskEncryption', (volumes) => {
    const open = volumes.data.filter(({ encrypted }) => !encrypted).map(({ mount }) => mount)
    if (open.length > 0)
      return fail(volumes.at, `${open.length} of ${volumes.data.length} volumes are not encrypted.`, open)
    if (volumes.data.length === 0) return unknown('incomplete', 'No volume could be looked at.', volumes.at)
    // The note names volumes of which it is not known.
    if (volumes.detail !== null)
      return unknown('incomplete', 'Of some volumes it is not known.', volumes.at, [volumes.detail])
    return pass(
      volumes.at,
      'Every volume is encrypted.',
      volumes.data.map(({ mount }) => mount),
    )
  }),
}

export const firewallOn: Check = {
  id: 'firewall_on',
  version: 1,
  title: 'Firewall is on and denies inbound by default',
  passes: () => 'A host firewall is on and denies inbound traffic unless it is allowed.',
  severity: 'high',
  judge: ofPosture('firewall', (firewall) => {
    const { installed, enabled, defaultDenyInbound, product } = firewall.data
    const items = product === null ? [] : [product]
    if (!installed) return fail(firewall.at, 'No firewall is installed.')
    if (!enabled) return fail(firewall.at, 'The firewall is off.', items)
    if (defaultDenyInbound === null)
      return unknown(
        'incomplete',
        'The firewall is on; its default for inbound traffic is not known.',
        firewall.at,
        items,
      )
    return defaultDenyInbound
      ? pass(firewall.at, 'The firewall is on and denies inbound traffic by default.', items)
      : fail(firewall.at, 'The firewall is on and allows inbound traffic by default.', items)
  }),
}

export const antimalwareRunning: Check = {
  id: 'antimalware_running',
  version: 1,
  title: 'Anti-malware is present and on',
  passes: () => 'A known product runs and watches files as they are used.',
  severity: 'critical',
  judge: ofPosture('antimalware', (found) => {
    const products = found.data
    const names = products.map(({ product }) => product)
    if (products.length === 0) return fail(found.at, 'None of the known anti-malware products was found.')
    const on = products.filter(({ running, realTime }) => running === true && realTime !== false)
    if (on.length > 0)
      return pass(
        found.at,
        'Anti-malware runs.',
        on.map(({ product }) => product),
      )
    if (products.every(({ running, realTime }) => running === false || realTime === false))
      return fail(found.at, 'Anti-malware is installed and not on, or does not watch files as they are used.', names)
    return unknown('incomplete', 'Anti-malware is installed; whether it is on is not known.', found.at, names)
  }),
}

export const antimalwareCurrent: Check = {
  id: 'antimalware_current',
  version: 1,
  title: 'Anti-malware definitions are fresh',
  passes: ({ definitionsDays }) => `A product has definitions that are at most ${definitionsDays} days old.`,
  severity: 'high',
  judge: ofPosture('antimalware', (found, facts, { definitionsDays }) => {
    // One that is off does not count by its files.
    const products = found.data.filter(({ running }) => running !== false)
    const names = products.map(({ product }) => product)
    if (products.length === 0) return fail(found.at, 'No anti-malware is on whose definitions could be fresh.')
    const times = products.map(({ definitionsUpdatedAt }) => definitionsUpdatedAt).filter((time) => time !== null)
    const newest = times.sort().at(-1)
    if (newest !== undefined && facts.now.getTime() - Date.parse(newest) <= definitionsDays * DAY_MS)
      return pass(found.at, `Its definitions are of ${day(newest)}.`, names)
    if (newest === undefined || times.length < products.length)
      return unknown('incomplete', 'Of when the definitions are is not told.', found.at, names)
    return fail(found.at, `Its newest definitions are of ${day(newest)}.`, names)
  }),
}

export const screenLock: Check = {
  id: 'screen_lock',
  version: 1,
  title: 'Screen locks by itself',
  passes: ({ screenLockMinutes }) => `The screen locks after at most ${screenLockMinutes} minutes.`,
  severity: 'medium',
  judge(facts, rules) {
    if (isServerLike(facts.role)) return notApplicable('Servers are not used at their screen.')
    const lock = readPosture('screenLock', facts, rules)
    if ('unknown' in lock) return lock.unknown
    const { enabled, afterSeconds } = lock.data
    if (!enabled) return fail(lock.at, 'The screen does not lock by itself.')
    if (afterSeconds === null) return unknown('incomplete', 'The screen locks; after how long is not known.', lock.at)
    const seen = `The screen locks after ${afterSeconds} seconds.`
    return afterSeconds <= rules.screenLockMinutes * 60 ? pass(lock.at, seen) : fail(lock.at, seen)
  },
}

export const sshRootLogin: Check = {
  id: 'ssh_root_password',
  version: 1,
  title: 'Root can not sign in over SSH with a password',
  passes: () => 'The SSH server does not let root in with a password, or none runs.',
  severity: 'high',
  judge(facts, rules) {
    const ssh = readPosture('ssh', facts, rules)
    if ('unknown' in ssh) {
      // The agent's word for it where no server is installed.
      return ssh.unknown.reason === 'unsupported'
        ? notApplicable('No SSH server is known on this device.', ssh.unknown)
        : ssh.unknown
    }
    const { running, passwordAuthentication, permitRootLogin } = ssh.data
    if (facts.platform === 'windows') return notApplicable('Windows has no root.', ssh.at)
    if (running === false) return notApplicable('The SSH server does not run.', ssh.at)
    if (permitRootLogin === null)
      return unknown('incomplete', 'Whether root may sign in over SSH is not known.', ssh.at)
    if (permitRootLogin !== 'yes') return pass(ssh.at, `Its setting for root is "${permitRootLogin}".`)
    if (passwordAuthentication === false) return pass(ssh.at, 'Root may sign in, and nobody with a password.')
    return passwordAuthentication === null
      ? unknown('incomplete', 'Root may sign in over SSH; whether with a password is not known.', ssh.at)
      : fail(ssh.at, 'Root may sign in over SSH with a password.')
  },
}
