/** Callers for tests of the gates, which need no database. */
import { PERMISSIONS, type Permission } from '@breeze/contract/governance'
import type { Caller, OrganizationAccess } from '../src/kernel/caller.ts'

export const CONTOSO = '00000000-0000-4000-8000-00000000c0de'
export const ACME = '00000000-0000-4000-8000-00000000ac3e'

export function access(
  id: string,
  more: Partial<OrganizationAccess> & { permissions?: Permission[] } = {},
): OrganizationAccess {
  const { permissions = [...PERMISSIONS], ...rest } = more
  return {
    id,
    name: id,
    grants: [{ permissions: new Set(permissions), sites: 'all', admin: false }],
    stopped: false,
    approvalLimit: 25,
    ...rest,
  }
}

export function makeCaller(more: Partial<Caller> = {}): Caller {
  return {
    user: { id: 'u', name: 'tech@example.test', kind: 'person' },
    partnerId: 'p',
    credential: { kind: 'api_key', id: 'k', name: 'a key' },
    channel: 'mcp',
    client: null,
    ip: null,
    scopes: new Set(['ai:execute']),
    elevations: [],
    actingBy: [],
    admin: false,
    partner: null,
    organizations: new Map([[CONTOSO, access(CONTOSO)]]),
    stopped: null,
    expiresAt: null,
    lastUsedAt: null,
    ...more,
  }
}
