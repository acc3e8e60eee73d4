/** What the signed-in may do at all. The server decides each call; this only says early why a control is off. */
import { queryOptions } from '@tanstack/react-query'
import { api } from './api.ts'
import type { Session } from './session.ts'

const WORDS: Readonly<Record<string, string>> = {
  'alerts.write': 'Alerts write',
  'keys.write': 'API keys write',
  'users.write': 'Users write',
  'governance.write': 'Governance write',
  'organizations.write': 'Organizations write',
  'enrollment.write': 'Enrollment write',
  'mcp.write': 'MCP Server write',
  'operations.write': 'Operations write',
  'patches.execute': 'Patches execute',
  'patches.write': 'Patches write',
  'scripts.execute': 'Scripts execute',
  'scripts.write': 'Scripts write',
}

export const can = (session: Session, permission: string): boolean => session.permissions.includes(permission)

/** Why a control is off, for `disabled`; false where it is not. */
export function withheld(session: Session, permission: string): string | false {
  if (can(session, permission)) return false
  return `You have view-only access. Ask an administrator for the ${WORDS[permission] ?? permission} permission.`
}

/** The tools that this person can use now, by name. */
export const usableTools = queryOptions({
  queryKey: ['tools'],
  queryFn: async () => {
    const { tools } = await api.get<{ tools: { name: string }[] }>('tools')
    return new Set(tools.map(({ name }) => name))
  },
  staleTime: 60_000,
})
