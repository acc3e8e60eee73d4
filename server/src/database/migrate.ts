/** Applies the hand-written SQL migrations in the order of their numbers, each in a transaction of its own, once. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'

export class MigrationError extends Error {
  override readonly name = 'MigrationError'
}

interface Migration {
  name: string
  text: string
  hash: string
}

/** Any number that only this program uses; two nodes starting at once take turns. */
const LOCK = 0x62726565

export async function migrate(client: pg.Client | pg.PoolClient): Promise<string[]> {
  const migrations = await readMigrations()
  await client.query('select pg_advisory_lock($1)', [LOCK])
  try {
    await client.query(
      'create table if not exists migrations (name text primary key, hash text not null, applied_at timestamptz not null default now())',
    )
    const done = await client.query<{ name: string; hash: string }>('select name, hash from migrations')
    const applied = new Map(done.rows.map((row) => [row.name, row.hash]))
    refuseNewer(applied, migrations)
    const fresh: string[] = []
    for (const migration of migrations) {
      const hash = applied.get(migration.name)
      if (hash === migration.hash) continue
      if (hash !== undefined) throw new MigrationError(`migration ${migration.name} was changed after it was applied`)
      await apply(client, migration)
      fresh.push(migration.name)
    }
    return fresh
  } finally {
    await client.query('select pg_advisory_unlock($1)', [LOCK])
  }
}

async function apply(client: pg.Client | pg.PoolClient, migration: Migration): Promise<void> {
  await client.query('begin')
  try {
    await client.query(migration.text)
    await client.query('insert into migrations (name, hash) values ($1, $2)', [migration.name, migration.hash])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw new MigrationError(`migration ${migration.name} failed`, { cause: error })
  }
}

/** An older program must not write into a newer schema. */
function refuseNewer(applied: ReadonlyMap<string, string>, migrations: readonly Migration[]): void {
  const known = new Set(migrations.map((migration) => migration.name))
  for (const name of applied.keys()) {
    if (!known.has(name)) throw new MigrationError(`this database is newer than this program: it has ${name}`)
  }
}

export async function readMigrations(): Promise<Migration[]> {
  const files = await findFiles()
  const byName = new Map<string, string>()
  for (const file of files) {
    const name = basename(file)
    if (byName.has(name)) throw new MigrationError(`two migrations are called ${name}`)
    byName.set(name, file)
  }
  const names = [...byName.keys()].sort()
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(byName.get(name) ?? '', 'utf8')
      return { name, text, hash: createHash('sha256').update(text).digest('hex') }
    }),
  )
}

/** Bundled, all lie in one folder beside the program; in the sources, each domain holds its own. */
async function findFiles(): Promise<string[]> {
  const bundled = fileURLToPath(new URL('./migrations/', import.meta.url))
  if (existsSync(bundled)) return sqlFiles(bundled, await readdir(bundled))
  const sources = fileURLToPath(new URL('../', import.meta.url))
  const all = await readdir(sources, { recursive: true })
  return sqlFiles(
    sources,
    all.filter((file) => basename(join(file, '..')) === 'migrations'),
  )
}

const sqlFiles = (folder: string, names: readonly string[]): string[] =>
  names.filter((name) => name.endsWith('.sql')).map((name) => join(folder, name))
