/** Scopes in plain words. */
import { AREAS, CORE_AREAS, EXECUTE_ADMIN, LEVELS, type Area, type Level } from '@breeze/contract/governance'

export const WIDE: readonly { scope: string; words: string }[] = [
  { scope: 'ai:read', words: 'Read devices, alerts, scripts, reports and the audit log' },
  { scope: 'ai:write', words: 'Change alerts and notes, lock and wake devices' },
  { scope: 'ai:execute', words: 'Run scripts and commands, patch, restart, isolate' },
]

/** Only an admin can give it. */
export const ADMIN_SCOPE = {
  scope: EXECUTE_ADMIN,
  words: 'Act with high impact where the server asks for an administrator',
}

export const LEVEL_WORDS: Readonly<Record<Level, string>> = {
  read: 'Read',
  write: 'Read and change',
  execute: 'Read, change and run',
}

export const areaName = (area: Area): string => `${area.charAt(0).toUpperCase()}${area.slice(1)}`
export const isWide = (area: Area): boolean => CORE_AREAS.some((core) => core === area)
export { AREAS, LEVELS, type Area, type Level }
