/** Who may use the device, and with what rights. The accounts are the device's own: those of a directory are not listed. */
import type { SectionData } from '@breeze/contract/agent-inventory'
import { type Check, fail, notApplicable, pass, unknown } from './check.ts'
import { DAY_MS, read } from './facts.ts'

type Users = SectionData<'users'>
type User = Users['users'][number]

/** Root, and the built-in Administrator and Guest of Windows (the last part of their SIDs). */
const isRoot = ({ id }: User): boolean => id === '0'
const isBuiltInAdministrator = ({ id }: User): boolean => /^S-1-5-21-.+-500$/.test(id)
const isGuest = ({ id, name }: User): boolean => /^S-1-5-21-.+-501$/.test(id) || /^guest$/i.test(name)
const isUsable = ({ enabled }: User): boolean => enabled !== false
const names = (users: readonly User[]): string[] => users.map(({ name }) => name)
/** What the agent could not follow that bears on who is an administrator. */
const doubts = ({ incomplete = [] }: Users): string[] =>
  incomplete.filter(
    (text) => !/^this system keeps no record of who is signed in|^the last sign-in|^passwords:/.test(text),
  )

export const accountInventory: Check = {
  id: 'account_inventory',
  version: 1,
  title: 'Accounts are listed',
  passes: () => 'The list of accounts was read and is confirmed.',
  severity: 'medium',
  judge(facts, rules) {
    const users = read(facts.users, facts, rules)
    return 'unknown' in users ? users.unknown : pass(users.at, 'The list of accounts is current.')
  },
}

export const localAdministrators: Check = {
  id: 'local_administrators',
  version: 1,
  title: 'Only allowed accounts are administrators',
  passes: () => 'Every local administrator but root is on the list of allowed administrators.',
  severity: 'high',
  judge(facts, rules) {
    const users = read(facts.users, facts, rules)
    if ('unknown' in users) return users.unknown
    const administrators = users.data.users.filter((user) => user.administrator && isUsable(user) && !isRoot(user))
    if (rules.allowedAdministrators === null)
      return unknown('not_configured', 'No list of allowed administrators is set.', users.at, names(administrators))
    const allowed = new Set(rules.allowedAdministrators.map((name) => name.toLowerCase()))
    const others = administrators.filter(({ name }) => !allowed.has(name.toLowerCase()))
    if (others.length > 0) return fail(users.at, `${others.length} administrators are not on the list.`, names(others))
    const unclear = doubts(users.data)
    return unclear.length > 0
      ? unknown('incomplete', 'There may be further administrators.', users.at, unclear)
      : pass(users.at, 'Every administrator is on the list.', names(administrators))
  },
}

export const dormantAccounts: Check = {
  id: 'dormant_accounts',
  version: 1,
  title: 'No account lies dormant',
  passes: ({ dormantDays }) => `Every enabled account that people sign in with was used within ${dormantDays} days.`,
  severity: 'medium',
  judge(facts, rules) {
    const users = read(facts.users, facts, rules)
    if ('unknown' in users) return users.unknown
    // Those two can't be taken away; whoever administers comes as somebody else.
    const people = users.data.users.filter(
      (user) => user.interactive && isUsable(user) && !isRoot(user) && !isBuiltInAdministrator(user),
    )
    const limit = facts.now.getTime() - rules.dormantDays * DAY_MS
    const dormant = people.filter(({ lastSignInAt }) => lastSignInAt !== null && Date.parse(lastSignInAt) < limit)
    if (dormant.length > 0)
      return fail(users.at, `${dormant.length} accounts were not used for ${rules.dormantDays} days.`, names(dormant))
    // Never used, or used before the records begin. Without a password nobody is seen to be able to.
    const untold = people.filter(({ lastSignInAt, password }) => lastSignInAt === null && password !== 'locked')
    return untold.length > 0
      ? unknown('incomplete', `When ${untold.length} accounts were last used is not told.`, users.at, names(untold))
      : pass(users.at, `${people.length} accounts that people sign in with, none of them dormant.`)
  },
}

export const guestAccount: Check = {
  id: 'guest_account',
  version: 1,
  title: 'Guest account is off',
  passes: () => 'No guest account can be used.',
  severity: 'medium',
  judge(facts, rules) {
    const users = read(facts.users, facts, rules)
    if ('unknown' in users) return users.unknown
    const guests = users.data.users.filter(isGuest)
    const usable = guests.filter(isUsable)
    if (usable.length === 0) return pass(users.at, 'No guest account is enabled.')
    return usable.some(({ enabled }) => enabled === true)
      ? fail(users.at, 'A guest account is enabled.', names(usable))
      : unknown('no_permission', 'Whether the guest account is enabled is not known.', users.at, names(usable))
  },
}

export const emptyPasswords: Check = {
  id: 'empty_passwords',
  version: 1,
  title: 'No account is without a password',
  passes: () => 'No enabled account signs in without a password.',
  severity: 'critical',
  judge(facts, rules) {
    const users = read(facts.users, facts, rules)
    if ('unknown' in users) return users.unknown
    const usable = users.data.users.filter(isUsable)
    const open = usable.filter(({ password }) => password === 'none')
    if (open.length > 0) return fail(users.at, `${open.length} accounts have no password.`, names(open))
    const untold = usable.filter(({ password }) => password === null)
    if (untold.length > 0)
      return unknown('no_permission', `Of ${untold.length} accounts it is not told.`, users.at, names(untold))
    return usable.length === 0
      ? notApplicable('The device has no account of its own that can be used.', users.at)
      : pass(users.at, `None of ${usable.length} accounts is without a password.`)
  },
}
