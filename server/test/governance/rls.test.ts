/** The net below every query: what the database itself lets each login and each reach see, table by table. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { GLOBAL_TABLES } from '../../src/database/isolation.ts'
import { APP_ROLE, AUTH_ROLE, loginsFor } from '../../src/database/logins.ts'
import type { RowAccess } from '../../src/kernel/caller.ts'
import { systemEnvironment } from '../../src/kernel/context.ts'
import { loadKeys } from '../../src/keys/keys.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { RECOGNISED, SPECIAL } from './recognised-policies.ts'
import { fillTenantTables, type Filled } from './rows.ts'

let world: Harness
let a: Organization
let b: Organization
let filledA: Filled
let filledB: Filled
let otherSite: string
let app: pg.Client
let auth: pg.Client
let tenantTables: string[]

const tablesOf = async (schema = 'public'): Promise<{ name: string; forced: boolean }[]> =>
  world.sql(
    `select relname as name, relrowsecurity and relforcerowsecurity as forced from pg_class
     where relnamespace = $1::regnamespace and relkind in ('r', 'p') order by 1`,
    [schema],
  )

beforeAll(async () => {
  world = await boot()
  a = await world.organization('Alpha')
  b = await world.organization('Beta')
  otherSite = await world.site(a.id, 'Branch')
  filledA = await fillTenantTables(world, a)
  filledB = await fillTenantTables(world, b)
  const owner = { ...inject('postgres'), database: world.database }
  const logins = loginsFor(owner, (await loadKeys(world.dataDir)).pepper)
  app = new pg.Client(logins.app)
  auth = new pg.Client(logins.auth)
  await Promise.all([app.connect(), auth.connect()])
  tenantTables = (await tablesOf()).map((table) => table.name).filter((name) => !(name in GLOBAL_TABLES))
})
afterAll(async () => {
  await Promise.all([app?.end(), auth?.end()])
  await world.stop()
})

/** What the kernel sets for a transaction, set here by hand. */
async function as<T>(access: RowAccess, work: () => Promise<T>): Promise<T> {
  const list = (ids: readonly string[]): string => `{${ids.join(',')}}`
  await app.query('begin')
  try {
    await app.query(
      `select set_config('breeze.partner', $1, true), set_config('breeze.partner_wide', $2, true),
        set_config('breeze.organizations', $3, true), set_config('breeze.whole_organizations', $4, true), set_config('breeze.sites', $5, true)`,
      [
        access.partnerId,
        access.partnerWide ? 'on' : 'off',
        list([...access.whole, ...access.limited]),
        list(access.whole),
        list(access.sites),
      ],
    )
    return await work()
  } finally {
    await app.query('rollback')
  }
}
const whole = (organization: Organization): RowAccess => ({
  partnerId: world.server.installation.partnerId,
  partnerWide: false,
  whole: [organization.id],
  limited: [],
  sites: [],
})
const onlySite = (organization: Organization, site: string): RowAccess => ({
  ...whole(organization),
  whole: [],
  limited: [organization.id],
  sites: [site],
})

const mine = (filled: Filled, table: string): string => filled.get(table)?.mine ?? 'true'

/** Rows of the table that belong to the organization, as the app login sees them now. */
const visible = async (table: string, filled: Filled): Promise<number> => {
  const result = await app.query<{ n: number }>(
    `select count(*)::int as n from ${table} t where ${mine(filled, table)}`,
  )
  return result.rows[0]?.n ?? 0
}
const codeOf = async (attempt: Promise<unknown>): Promise<string | undefined> =>
  attempt.then(
    () => 'it was allowed',
    (error: pg.DatabaseError) => error.code,
  )
const DENIED = '42501'

describe('the tables', () => {
  it('are global for a stated reason, or under forced row-level security', async () => {
    for (const { name, forced } of await tablesOf()) {
      if (name in GLOBAL_TABLES) expect(forced, name).toBe(false)
      else expect(forced, name).toBe(true)
    }
  })

  it('show their partitions through themselves only', async () => {
    const partitions = await tablesOf('partitions')
    expect(partitions.length).toBeGreaterThan(5)
    for (const { name, forced } of partitions) {
      expect(forced, name).toBe(true)
      await as(whole(a), async () => expect(await codeOf(app.query(`select from partitions.${name}`))).toBe(DENIED))
    }
  })

  it('hold exactly the recognised policies, and so do partitions', async () => {
    const tables = [...tenantTables, ...(await tablesOf('partitions')).map((table) => table.name)]
    const policies = await world.sql<{
      table: string
      name: string
      roles: string[]
      command: string
      permissive: boolean
      reads: string
      writes: string
    }>(`select c.relname as table, p.polname as name, p.polcmd as command, p.polpermissive as permissive,
        array(select rolname::text from pg_roles where oid = any (p.polroles)) as roles,
        pg_get_expr(p.polqual, p.polrelid) as reads, coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') as writes
      from pg_policy p join pg_class c on c.oid = p.polrelid order by 1, 2`)
    const owner = inject('postgres').user
    const squeeze = (text: string): string =>
      text.replaceAll(/\s+/g, ' ').replaceAll(/ AS breeze_\w+|::\w+(\[\])?/g, '')
    for (const table of tables) {
      const own = policies.filter((policy) => policy.table === table)
      expect(
        own.map(({ name, roles, command, permissive }) => ({ name, roles, command, permissive })),
        table,
      ).toEqual([
        { name: 'reach', roles: [APP_ROLE], command: '*', permissive: true },
        { name: 'worker', roles: [owner], command: '*', permissive: true },
      ])
      const reach = own.find((policy) => policy.name === 'reach')
      const special = SPECIAL[table]
      if (special) expect([squeeze(reach?.reads ?? ''), squeeze(reach?.writes ?? '')], table).toEqual(special)
      else {
        expect(RECOGNISED, table).toContain(squeeze(reach?.reads ?? ''))
        expect(reach?.writes, table).toBe(reach?.reads)
      }
    }
    expect(policies.filter((policy) => !tables.includes(policy.table))).toEqual([])
  })

  it('are all filled by this test with a row of either organization', async () => {
    for (const table of tenantTables) {
      for (const filled of [filledA, filledB])
        expect(filled.get(table)?.row, `rows.ts must fill ${table}`).toEqual(expect.any(Object))
    }
  })

  it('belong to the owner alone, sequences, views and functions too', async () => {
    const owned = await world.sql<{ n: number }>(
      `select count(*)::int as n from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname = any ($1)`,
      [[APP_ROLE, AUTH_ROLE]],
    )
    const functions = await world.sql<{ n: number }>(
      `select count(*)::int as n from pg_proc p join pg_roles r on r.oid = p.proowner where r.rolname = any ($1)`,
      [[APP_ROLE, AUTH_ROLE]],
    )
    expect([owned[0]?.n, functions[0]?.n]).toEqual([0, 0])
    // A view runs with its owner's rights unless told otherwise: it would be a way around every policy.
    expect(
      await world.sql(
        `select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')`,
      ),
    ).toEqual([])
  })
})

describe('the app login', () => {
  it('sees no row of any tenant table while nothing says who calls', async () => {
    for (const table of tenantTables) {
      const seen = await app.query(`select count(*)::int as n from ${table}`).then(
        ({ rows }) => rows[0]?.n,
        (error: pg.DatabaseError) => error.code,
      )
      expect([0, DENIED], table).toContain(seen)
    }
  })

  it('keeps nothing of one transaction for the next', async () => {
    await as(whole(a), async () => expect(await visible('devices', filledA)).toBeGreaterThan(0))
    expect(await visible('devices', filledA)).toBe(0)
  })

  it("sees its own organization's rows and none of the other's, in every table", async () => {
    for (const table of tenantTables) {
      await as(whole(a), async () => {
        expect(await visible(table, filledA), `own rows of ${table}`).toBeGreaterThan(0)
        expect(await visible(table, filledB), `the other's rows of ${table}`).toBe(0)
      })
    }
  })

  it("can neither write into the other organization's rows nor take them, in every table", async () => {
    for (const table of tenantTables) {
      const { columns = [], row } = filledB.get(table) ?? {}
      const [column = 'id'] = columns
      const attempt = (statement: string, values: unknown[] = []): Promise<unknown> =>
        as(whole(a), () =>
          app.query(statement, values).then(
            (result) => result.rowCount,
            (error: pg.DatabaseError) => error.code,
          ),
        )
      const ours = mine(filledA, table)
      const theirs = mine(filledB, table)
      const insert = `insert into ${table} select * from jsonb_populate_record(null::${table}, $1)`
      expect(await attempt(insert, [JSON.stringify(row)]), `insert into ${table}`).toBe(DENIED)
      if (columns.includes('organization_id'))
        expect(
          await attempt(`update ${table} t set organization_id = $1 where ${ours}`, [b.id]),
          `${table}: move`,
        ).toBe(DENIED)
      if (columns.includes('organization_ids'))
        expect(await attempt(`update ${table} t set organization_ids = $1 where ${ours}`, [[b.id]]), table).toBe(DENIED)
      expect([0, DENIED], table).toContain(await attempt(`update ${table} t set ${column} = ${column} where ${theirs}`))
      expect([0, DENIED], table).toContain(await attempt(`delete from ${table} t where ${theirs}`))
    }
  })

  it('limited to a site sees that site only', async () => {
    const withSites = await world.sql<{ name: string }>(
      `select table_name as name from information_schema.columns where table_schema = 'public' and column_name in ('site_id', 'site_ids')
       and table_name <> 'role_assignments' order by 1`,
    )
    expect(withSites.length).toBeGreaterThan(3)
    for (const { name } of [...withSites, { name: 'rollouts' }, { name: 'script_runs' }, { name: 'audit_entries' }]) {
      await as(onlySite(a, otherSite), async () =>
        expect(await visible(name, filledA), `${name} of another site`).toBe(0),
      )
      if (name !== 'audit_entries')
        await as(onlySite(a, a.siteId), async () =>
          expect(await visible(name, filledA), `${name} of the own site`).toBeGreaterThan(0),
        )
    }
    await as(onlySite(a, otherSite), async () => {
      const { rows } = await app.query<{ id: string }>('select id from sites')
      expect(rows).toEqual([{ id: otherSite }])
    })
  })

  it("that reaches no partner rows does not see them, and another partner's never", async () => {
    const stranger = { ...whole(a), partnerId: systemEnvironment.newId() }
    for (const table of ['users', 'api_keys', 'audit_entries', 'operations', 'emergency_stops']) {
      await as(stranger, async () => expect(await visible(table, filledA), table).toBe(0))
      await as(whole(a), async () => {
        const column = table === 'operations' ? `organization_ids = '{}'` : 'organization_id is null'
        const { rows } = await app.query<{ n: number }>(`select count(*)::int as n from ${table} where ${column}`)
        expect(rows[0]?.n, table).toBe(0)
      })
    }
  })

  it('can not read the tables of the installation, secrets in columns, or write the audit', async () => {
    for (const table of Object.keys(GLOBAL_TABLES).filter((name) => !['roles', 'metrics_progress'].includes(name)))
      expect(await codeOf(app.query(`select * from ${table}`)), table).toBe(DENIED)
    const secrets = ['users.password_hash', 'api_keys.hash', 'api_keys.former_hash', 'sessions.hash']
    const links = ['invitations.hash', 'password_resets.hash']
    const factors = ['totp_factors.secret', 'recovery_codes.hash', 'passkeys.public_key']
    for (const column of [...secrets, ...links, ...factors])
      expect(await codeOf(app.query(`select ${column} from ${column.split('.')[0]}`)), column).toBe(DENIED)
    for (const statement of [
      'insert into audit_entries select * from audit_entries',
      `update audit_entries set tool = 'x'`,
      'delete from audit_entries',
      'truncate audit_entries',
      `update roles set permissions = '{}'`,
    ])
      expect(await codeOf(app.query(statement)), statement).toBe(DENIED)
  })

  it('can not become the owner, the other login or a superuser, nor make anything of its own', async () => {
    const owner = pg.escapeIdentifier(inject('postgres').user)
    for (const statement of [
      `set role ${owner}`,
      `set role ${AUTH_ROLE}`,
      `set session authorization ${owner}`,
      'create table loot (x int)',
      `create function loot() returns int language sql as 'select 1'`,
      'alter table devices disable row level security',
      'drop policy reach on devices',
      `alter role ${APP_ROLE} bypassrls`,
      'create role loot',
      `call protect_table('roles', 'organization')`,
      `copy devices to program 'cat'`,
      `select pg_read_file('PG_VERSION')`,
      'select auth_api_key(null)',
      'select auth_user(null)',
    ])
      expect(await codeOf(app.query(statement)), statement).toMatch(/^(42501|42704|42883)$/)
    // Turning the filter off does not show the rows: it makes the query an error.
    await app.query('begin; set local row_security = off')
    expect(await codeOf(app.query('select * from devices'))).toBe(DENIED)
    await app.query('rollback')
  })
})

describe('the auth login', () => {
  it('can touch no table', async () => {
    for (const { name } of await tablesOf())
      for (const statement of [
        `select from ${name}`,
        `insert into ${name} default values`,
        `delete from ${name}`,
        `truncate ${name}`,
      ])
        expect(await codeOf(auth.query(statement)), statement).toBe(DENIED)
  })

  it('may execute its look-ups and nothing else that runs with the rights of another', async () => {
    const executable = await world.sql<{ name: string }>(
      `select proname as name from pg_proc where pronamespace = 'public'::regnamespace and prosecdef
         and has_function_privilege($1, oid, 'execute') and prorettype <> 'trigger'::regtype order by 1`,
      [AUTH_ROLE],
    )
    expect(executable.map((row) => row.name)).toEqual([
      'auth_api_key',
      'auth_oauth_token',
      'auth_session',
      'auth_stored',
      'auth_user',
    ])
    expect(await codeOf(auth.query('select auth_rights(null, null, null)'))).toBe(DENIED)
    expect((await auth.query('select auth_api_key($1) as answer', [Buffer.alloc(32)])).rows).toEqual([{ answer: null }])
  })
})

describe('the functions that run with the rights of their owner', () => {
  it('pin their search path', async () => {
    const loose = await world.sql(
      `select proname from pg_proc where pronamespace = 'public'::regnamespace and prosecdef
         and not coalesce(proconfig::text like '%search_path=%', false)`,
    )
    expect(loose).toEqual([])
  })
})

describe('the policies', () => {
  it('leave the indexes usable among many rows', async () => {
    await world.sql(
      `insert into devices (id, organization_id, site_id, name, machine_id, public_key, platform, agent_version)
       select gen_random_uuid(), $1, $2, 'bulk-' || n, 'bulk-' || n, decode(md5(n::text) || md5('x' || n), 'hex'), 'linux', '0.1.0'
       from generate_series(1, 20000) n`,
      [b.id, b.siteId],
    )
    await world.sql('analyze devices')
    await as(whole(a), async () => {
      const { rows } = await app.query<{ 'QUERY PLAN': string }>(
        'explain select id from devices where removed_at is null and organization_id = $1 order by lower(name), id limit 25',
        [a.id],
      )
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
      expect(plan).toContain('devices_by_organization')
      expect(plan).not.toContain('Seq Scan on devices')
      const unfiltered = await app.query<{ 'QUERY PLAN': string }>(
        'explain select id from devices where removed_at is null order by lower(name), id limit 25',
      )
      expect(unfiltered.rows.map((row) => row['QUERY PLAN']).join('\n')).not.toContain('Seq Scan on devices')
    })
  })
})
