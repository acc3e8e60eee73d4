/** Every check. A new one is a new function and its line here. */
import { accountInventory, dormantAccounts, emptyPasswords, guestAccount, localAdministrators } from './accounts.ts'
import type { Check } from './check.ts'
import { deviceReporting, softwareInventory } from './inventory.ts'
import {
  antimalwareCurrent,
  antimalwareRunning,
  diskEncrypted,
  firewallOn,
  screenLock,
  sshRootLogin,
} from './protection.ts'
import { auditLog, backupSeen, osPatches, osSupported, rebootPending, timeSync } from './system.ts'

export const CHECKS: readonly Check[] = [
  deviceReporting,
  softwareInventory,
  osSupported,
  osPatches,
  rebootPending,
  diskEncrypted,
  firewallOn,
  antimalwareRunning,
  antimalwareCurrent,
  screenLock,
  accountInventory,
  localAdministrators,
  dormantAccounts,
  guestAccount,
  emptyPasswords,
  sshRootLogin,
  timeSync,
  auditLog,
  backupSeen,
]

const BY_ID: ReadonlyMap<string, Check> = new Map(CHECKS.map((check) => [check.id, check]))
export const checkById = (id: string): Check | undefined => BY_ID.get(id)
export const CHECK_IDS: readonly string[] = CHECKS.map(({ id }) => id)
