/** Organizations and their sites: found by id or name within a caller's reach, listed, made and changed. */
import type { Permission } from '@breeze/contract/governance'
import { rowAccess, type Caller, type RowAccess } from '../../kernel/caller.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { conflict, forbidden, notFound } from '../../kernel/errors.ts'
import { findNamed, listNamed, type NamedRows, type NamePage } from '../../kernel/named-rows.ts'
import type { Target } from '../../kernel/tool.ts'
import { isUuid } from '../../kernel/uuid.ts'
import './tables.ts'

export interface OrganizationFacts {
  id: string
  name: string
  kind: 'customer' | 'internal'
  assistantsEnabled: boolean
  approvalLimit: number
}

/** How this organization has calls approved by a second person. */
export interface ApprovalSettings {
  /** Devices that one call may touch without. */
  approval_limit: number
  /** How long a request waits. */
  approval_hours: number
  requester_may_decide: boolean
  /** For so long after a key or grant read what a device wrote, its tier 3 calls here need one; null: never for that. */
  untrusted_minutes: number | null
}

export async function approvalSettings(tx: Tx, id: string): Promise<ApprovalSettings> {
  const columns = ['approval_limit', 'approval_hours', 'requester_may_decide', 'untrusted_minutes'] as const
  const row = await tx.first(query.selectFrom('organizations').select(columns).where('id', '=', id))
  if (!row) throw notFound('organization', id)
  return row
}

export interface SiteFacts {
  id: string
  name: string
  organization: { id: string; name: string }
}

/** Ids of the organizations in which the caller holds a permission, wholly or at some sites. */
export function organizationsWith(caller: Caller, permission: Permission): string[] {
  const access = rowAccess(caller, permission)
  return [...access.whole, ...access.limited]
}

export const organizationTarget = (organization: { id: string; name: string }): Target => ({
  kind: 'organization',
  id: organization.id,
  name: organization.name,
  organizationId: organization.id,
  siteId: null,
})

export const siteTarget = (site: SiteFacts): Target => ({
  kind: 'site',
  id: site.id,
  name: `${site.organization.name} / ${site.name}`,
  organizationId: site.organization.id,
  siteId: site.id,
})

/** Acts on what belongs to the partner itself are for the partner's own people with that permission. */
export function requirePartnerLevel(caller: Caller, permission: Permission, what: string): void {
  if (caller.partner?.permissions.has(permission)) return
  throw forbidden(
    `${what} is for the partner's own people, with a credential that is not limited to organizations.`,
    'Ask a Partner Admin, or use a credential of one.',
  )
}

/** Names of the sites that the transaction sees. */
export async function siteNames(tx: Tx, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map()
  const text = 'select id, name from sites where id = any ($1::uuid[])'
  const rows = await tx.prepared<{ id: string; name: string }>('site_names', text, [ids])
  return new Map(rows.map((row) => [row.id, row.name]))
}

/** Those of them that the transaction sees. */
export async function sitesById(tx: Tx, ids: readonly string[]): Promise<{ id: string; organizationId: string }[]> {
  if (ids.length === 0) return []
  const select = query
    .selectFrom('sites')
    .select(['id', 'organization_id'])
    .where('id', 'in', [...ids])
  return (await tx.all(select)).map((row) => ({ id: row.id, organizationId: row.organization_id }))
}

/** Null for what the transaction does not see. */
export async function siteById(tx: Tx, id: string): Promise<SiteFacts | null> {
  const row = await tx.first(
    query
      .selectFrom('sites as s')
      .innerJoin('organizations as o', 'o.id', 's.organization_id')
      .select(['s.id', 's.name', 'o.id as organization_id', 'o.name as organization'])
      .where('s.id', '=', id),
  )
  return row ? { id: row.id, name: row.name, organization: { id: row.organization_id, name: row.organization } } : null
}

/** The organization that an id or a name means. Names are unique within a partner. */
export async function findOrganization(
  tx: Tx,
  caller: Caller,
  permission: Permission,
  reference: string,
): Promise<OrganizationFacts> {
  const reach = organizationsWith(caller, permission)
  if (reach.length === 0) throw notFound('organization', reference)
  const row = await tx.first(
    query
      .selectFrom('organizations')
      .select(['id', 'name', 'kind', 'assistants_enabled', 'approval_limit'])
      .where('partner_id', '=', caller.partnerId)
      .where('id', 'in', reach)
      .where((e) =>
        isUuid(reference)
          ? e('id', '=', reference.toLowerCase())
          : e(e.fn('lower', ['name']), '=', e.fn('lower', [e.val(reference)])),
      ),
  )
  if (!row) throw notFound('organization', reference)
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    assistantsEnabled: row.assistants_enabled,
    approvalLimit: row.approval_limit,
  }
}

export async function findOrganizations(
  tx: Tx,
  caller: Caller,
  permission: Permission,
  references: readonly string[],
): Promise<OrganizationFacts[]> {
  const found = new Map<string, OrganizationFacts>()
  for (const reference of references) {
    const organization = await findOrganization(tx, caller, permission, reference)
    found.set(organization.id, organization)
  }
  return [...found.values()]
}

/** Throws `ambiguous` when the name stands for sites of several organizations. */
export async function findSite(
  tx: Tx,
  caller: Caller,
  permission: Permission,
  reference: string,
  organizationId?: string,
): Promise<SiteFacts> {
  let sites = visibleSites(rowAccess(caller, permission))
  if (organizationId) sites = sites.where('sites.organization_id', '=', organizationId)
  return siteFacts(await findNamed(tx, 'site', sites, reference, (site) => site.organization_name))
}

/** The site named, or an organization's first one. */
export async function siteOrFirst(
  tx: Tx,
  caller: Caller,
  permission: Permission,
  organization: OrganizationFacts,
  reference: string | undefined,
): Promise<SiteFacts> {
  if (reference !== undefined) return findSite(tx, caller, permission, reference, organization.id)
  const row = await tx.first(
    visibleSites(rowAccess(caller, permission))
      .where('sites.organization_id', '=', organization.id)
      .orderBy('sites.created_at')
      .orderBy('sites.id')
      .limit(1),
  )
  if (row) return siteFacts(row)
  throw conflict(`${organization.name} has no site that you can use.`, 'Create a site for it first (create_site).')
}

export async function listOrganizations(tx: Tx, caller: Caller, page: NamePage) {
  const reach = organizationsWith(caller, 'organizations.read')
  if (reach.length === 0) return { rows: [], counted: 0, next: null }
  const rows = query
    .selectFrom('organizations')
    .select(['id', 'name', 'kind', 'assistants_enabled', 'approval_limit', 'created_at'])
    .select((e) =>
      e
        .selectFrom('sites')
        .whereRef('sites.organization_id', '=', 'organizations.id')
        .select((s) => s.fn.countAll<number>().as('n'))
        .as('sites'),
    )
    .where('partner_id', '=', caller.partnerId)
    .where('id', 'in', reach)
  return listNamed(tx, rows, page)
}

export async function listSites(
  tx: Tx,
  caller: Caller,
  organizationIds: readonly string[] | undefined,
  page: NamePage,
): Promise<NamedRows<SiteFacts>> {
  let sites = visibleSites(rowAccess(caller, 'organizations.read'))
  if (organizationIds) sites = sites.where('sites.organization_id', 'in', organizationIds)
  const { rows, ...rest } = await listNamed(tx, sites, page)
  return { rows: rows.map(siteFacts), ...rest }
}

export async function insertOrganization(tx: Tx, row: { id: string; partnerId: string; name: string }): Promise<void> {
  const inserted = await tx.run(
    query
      .insertInto('organizations')
      .values({ id: row.id, partner_id: row.partnerId, name: row.name })
      .onConflict((clash) => clash.doNothing()),
  )
  if (inserted === 0) throw nameTaken('organization', row.name)
}

export async function changeOrganization(
  tx: Tx,
  id: string,
  change: { name?: string; assistants_enabled?: boolean } & Partial<ApprovalSettings>,
): Promise<void> {
  await guardName('organization', change.name ?? '', () =>
    tx.run(query.updateTable('organizations').set(change).where('id', '=', id)),
  )
}

export async function insertSite(tx: Tx, row: { id: string; organizationId: string; name: string }): Promise<void> {
  const inserted = await tx.run(
    query
      .insertInto('sites')
      .values({ id: row.id, organization_id: row.organizationId, name: row.name })
      .onConflict((clash) => clash.doNothing()),
  )
  if (inserted === 0) throw nameTaken('site', row.name)
}

function visibleSites(access: RowAccess) {
  const none = '00000000-0000-0000-0000-000000000000'
  return query
    .selectFrom('sites')
    .innerJoin('organizations', 'organizations.id', 'sites.organization_id')
    .select(['sites.id', 'sites.name', 'sites.organization_id', 'organizations.name as organization_name'])
    .where('organizations.partner_id', '=', access.partnerId)
    .where((e) =>
      e.or([
        e('sites.organization_id', 'in', access.whole.length > 0 ? [...access.whole] : [none]),
        e('sites.id', 'in', access.sites.length > 0 ? [...access.sites] : [none]),
      ]),
    )
}

const siteFacts = (row: {
  id: string
  name: string
  organization_id: string
  organization_name: string
}): SiteFacts => ({
  id: row.id,
  name: row.name,
  organization: { id: row.organization_id, name: row.organization_name },
})

const nameTaken = (what: string, name: string) =>
  conflict(`There is already ${what === 'organization' ? 'an' : 'a'} ${what} called "${name}".`, 'Choose another name.')

/** 23505 is PostgreSQL's unique_violation; the transaction ends with it. */
async function guardName(what: string, name: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === '23505') throw nameTaken(what, name)
    throw error
  }
}
