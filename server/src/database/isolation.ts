/** Asked at every boot: do the logins, functions and tables still hold tenants apart? The server does not serve if one does not. */
import type pg from 'pg'
import { APP_ROLE, AUTH_ROLE } from './logins.ts'

export class IsolationError extends Error {
  override readonly name = 'IsolationError'
}

/** Tables without a tenant's rows, each with its reason. Every other table must be under forced row-level security. */
export const GLOBAL_TABLES: Readonly<Record<string, string>> = {
  migrations: 'what the schema is; no login but the owner may read it',
  installation: 'facts of the installation; no login but the owner may read it',
  partners: 'no login but the owner may read it',
  roles: 'the same for everybody',
  browser_flows: 'begun before anybody is known; no login but the owner may read it',
  oauth_store: 'hashed codes and tokens, looked up before a tenant is known; no login but the owner may read it',
  oauth_replay: 'sealed answers; no login but the owner may read it',
  oauth_clients: 'programs that register before anybody signs in; no login but the owner may read it',
  audit_checkpoints: 'hashes only; no login but the owner may read it',
  lifecycle_releases: 'what publishers say of their releases; no login but the owner may read it',
  vulnerability_imports: 'exports that distributions publish; no login but the owner may read it',
  vulnerability_advisories: 'what is in them; no login but the owner may read it',
  package_assessments: 'versions of packages, each compared once; no login but the owner may read it',
  package_vulnerabilities: 'what came of it; no login but the owner may read it',
  untrusted_reads: 'ids of credentials and times only; no login but the owner may read it',
  metrics_progress: 'two times, the same for everybody',
  late_metrics: 'work that waits, ids and times only; no login but the owner may read it',
}

export async function assertIsolation(client: pg.Client | pg.PoolClient): Promise<void> {
  const problems = [
    ...(await loginProblems(client)),
    ...(await tableProblems(client)),
    ...(await partitionProblems(client)),
    ...(await functionProblems(client)),
  ]
  if (problems.length > 0) throw new IsolationError(`tenant isolation is not in place: ${problems.join('; ')}`)
}

async function loginProblems(client: pg.Client | pg.PoolClient): Promise<string[]> {
  const roles = await client.query<{ rolname: string; strong: boolean; owns: boolean }>(
    `select rolname, rolsuper or rolbypassrls or rolcreaterole as strong,
       exists (select from pg_class c where c.relowner = r.oid) as owns
     from pg_roles r where rolname = any ($1)`,
    [[APP_ROLE, AUTH_ROLE]],
  )
  const problems = roles.rows.flatMap((role) => [
    ...(role.strong ? [`the login ${role.rolname} can pass row-level security`] : []),
    ...(role.owns ? [`the login ${role.rolname} owns tables`] : []),
  ])
  if (roles.rows.length !== 2) problems.push('a login is missing')
  const granted = await client.query<{ name: string }>(
    `select distinct table_name as name from information_schema.role_table_grants where grantee = $1`,
    [AUTH_ROLE],
  )
  return [...problems, ...granted.rows.map((row) => `the login ${AUTH_ROLE} may touch the table ${row.name}`)]
}

/** Who could name a partition would pass by the policies of the table that it is part of. */
async function partitionProblems(client: pg.Client | pg.PoolClient): Promise<string[]> {
  const open = await client.query<{ login: string }>(
    `select login from unnest($1::text[]) as login where has_schema_privilege(login, 'partitions', 'usage')`,
    [[APP_ROLE, AUTH_ROLE]],
  )
  return open.rows.map(({ login }) => `the login ${login} may name partitions`)
}

/** What runs with the owner's rights must find our tables and no others, and what fires as a trigger is for nobody to call. */
async function functionProblems(client: pg.Client | pg.PoolClient): Promise<string[]> {
  const functions = await client.query<{ name: string; pinned: boolean; open: boolean }>(
    `select p.oid::regprocedure::text as name, coalesce(p.proconfig @> array['search_path=public, pg_temp'], false) as pinned,
       p.prorettype = 'trigger'::regtype and has_function_privilege($1, p.oid, 'execute') as open
     from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prosecdef order by 1`,
    [APP_ROLE],
  )
  return functions.rows.flatMap((row) => [
    ...(row.pinned ? [] : [`the function ${row.name} does not set its search_path to public, pg_temp`]),
    ...(row.open ? [`the login ${APP_ROLE} may call the trigger function ${row.name}`] : []),
  ])
}

async function tableProblems(client: pg.Client | pg.PoolClient): Promise<string[]> {
  const tables = await client.query<{ name: string; forced: boolean; policies: number }>(
    `select c.relname as name, c.relrowsecurity and c.relforcerowsecurity as forced,
       (select count(*)::int from pg_policy p where p.polrelid = c.oid) as policies
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('public', 'partitions') and c.relkind in ('r', 'p') order by 1`,
  )
  return tables.rows.flatMap((table) => {
    if (table.name in GLOBAL_TABLES) return []
    if (!table.forced) return [`the table ${table.name} is not under forced row-level security`]
    return table.policies < 2 ? [`the table ${table.name} lacks a policy`] : []
  })
}
