/** Below the policies: what runs with the owner's rights must not be led astray by a login that has less. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { assertIsolation } from '../../src/database/isolation.ts'
import { loginsFor } from '../../src/database/logins.ts'
import { loadKeys } from '../../src/keys/keys.ts'
import { boot, type Harness } from '../harness.ts'

let world: Harness
let owner: pg.Client
let app: pg.Client
let auth: pg.Client
beforeAll(async () => {
  world = await boot()
  const logins = loginsFor({ ...inject('postgres'), database: world.database }, (await loadKeys(world.dataDir)).pepper)
  owner = new pg.Client(logins.owner)
  app = new pg.Client(logins.app)
  auth = new pg.Client(logins.auth)
  await Promise.all([owner.connect(), app.connect(), auth.connect()])
})
afterAll(async () => {
  await Promise.all([owner?.end(), app?.end(), auth?.end()])
  await world.stop()
})

/** `done`, or what PostgreSQL said to the first statement that failed; nothing is kept. */
async function attempt(client: pg.Client, ...statements: string[]): Promise<string> {
  await client.query('begin')
  try {
    for (const statement of statements) await client.query(statement)
    return 'done'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    await client.query('rollback')
  }
}

const DECOY = 'create temporary table device_counts (like public.device_counts including all)'
const TAKEN = `create function pg_temp.taken() returns trigger language plpgsql as $$ begin raise exception 'ran as %', current_user; end $$`
const TRAP = 'create trigger t before insert on device_counts for each row execute function pg_temp.taken()'
const BAIT = 'create temporary table bait (organization_id uuid, site_id uuid, status text, removed_at timestamptz)'
const FIRE = `insert into bait values (gen_random_uuid(), gen_random_uuid(), 'online', null)`
const attach = (event: string): string =>
  `create trigger t after ${event} on bait referencing new table as added for each statement execute function public.count_devices()`

describe('a function that runs with the rights of the owner', () => {
  const definers = () =>
    world.sql<{ name: string; path: string[] | null; app: boolean; auth: boolean }>(
      `select p.proname as name, p.proconfig as path, has_function_privilege('breeze_app', p.oid, 'execute') as app,
         has_function_privilege('breeze_auth', p.oid, 'execute') as auth
       from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prosecdef order by 1`,
    )

  it('looks for tables in the schema first, and among temporary ones last', async () => {
    const all = await definers()
    expect(all.length).toBeGreaterThan(3)
    for (const { name, path } of all) expect([name, path]).toEqual([name, ['search_path=public, pg_temp']])
  })

  it('is one of the few that each login may call', async () => {
    const all = await definers()
    expect(all.filter((one) => one.app).map((one) => one.name)).toEqual([
      'approval_terms',
      'block_oauth_client',
      'confirmation_policies_for',
      'confirmation_policies_of',
      'oauth_client_states',
      'oauth_grant_sessions',
      'owner_of',
      'patch_rules_for',
      'stop_in_force',
    ])
    expect(all.filter((one) => one.auth).map((one) => one.name)).toEqual([
      'auth_api_key',
      'auth_oauth_token',
      'auth_session',
      'auth_stored',
      'auth_user',
    ])
  })

  it("can't be led to the app login's code by a temporary table of the same name", async () => {
    const said = await attempt(app, TAKEN, DECOY, TRAP, BAIT, attach('insert'), FIRE)
    expect(said).not.toMatch(/ran as/)
    expect(said).toMatch(/permission denied/)
    // Even for who may have temporary tables and may attach the function: it passes the decoy by.
    expect(await attempt(owner, TAKEN, DECOY, TRAP, BAIT, attach('insert'), FIRE)).toBe('done')
  })

  it.each(['app', 'auth'])('is not in the reach of temporary tables of the %s login', async (login) => {
    const client = login === 'app' ? app : auth
    expect(await attempt(client, 'create temporary table users (id uuid)')).toMatch(/permission denied/)
  })
})

describe('the server does not start', () => {
  it.each([
    [
      'a function whose search path lets temporary tables in',
      'alter function auth_user(uuid) set search_path = public',
    ],
    ['a trigger function that anybody may attach', 'grant execute on function count_devices() to public'],
    ['a table whose policies are not forced', 'alter table devices no force row level security'],
    ['a table without a policy', 'create table loot (organization_id uuid)'],
    ['a partition without a policy', 'create table partitions.loot (organization_id uuid)'],
    [
      'a partition whose policies are not forced',
      `do $$ declare name regclass; begin select inhrelid into name from pg_inherits where inhparent = 'metrics_minute'::regclass limit 1;
         execute format('alter table %s no force row level security', name); end $$`,
    ],
    ['partitions that the app login may name', 'grant usage on schema partitions to breeze_app'],
    ['a login that passes the policies', 'alter role breeze_app bypassrls'],
    ['an auth login that may touch a table', 'grant select on users to breeze_auth'],
  ])('with %s', async (_what, statement) => {
    await owner.query('begin')
    try {
      await assertIsolation(owner)
      await owner.query(statement)
      await expect(assertIsolation(owner)).rejects.toThrow(/tenant isolation is not in place/)
    } finally {
      await owner.query('rollback')
    }
  })
})
