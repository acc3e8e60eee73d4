/** The real server on a cluster of its own, for tests of agents against it. */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool, type QueryResultRow } from 'pg'
import pino from 'pino'
import { readConfig } from '../../server/src/config.ts'
import { startServer } from '../../server/src/compose.ts'
import { loadKeys } from '../../server/src/keys/keys.ts'
import type { Outcome } from '../../server/src/kernel/kernel.ts'
import { startCluster } from '../../server/src/postgres/cluster.ts'
import type { Provision } from '../src/simulator/simulation.ts'

export type BreezeServer = Awaited<ReturnType<typeof startBreeze>>

/** Losing this database in a power cut loses nothing. */
const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }

export async function startBreeze() {
  const dataDir = await mkdtemp(join(tmpdir(), 'breeze-simulation-'))
  // As root the cluster runs as another account, which has to pass through here.
  await chmod(dataDir, 0o711)
  // Before the cluster, which keeps its own password among the keys.
  const keys = await loadKeys(dataDir)
  const cluster = await startCluster({ dataDir, settings, log: () => undefined })
  const config = readConfig({
    BREEZE_DATA_DIR: dataDir,
    BREEZE_LOCAL_AGENT: 'off',
    BREEZE_TOOL_CALLS_PER_MINUTE: '1000',
  })
  const server = await startServer({
    config: { ...config, port: 0, publicUrl: 'http://127.0.0.1:0' },
    owner: cluster.connection,
    keys,
    log: pino({ level: 'silent' }),
  })
  const owner = new Pool({ ...cluster.connection, max: 2 })
  owner.on('error', () => undefined)
  const sql = async <Row extends QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> =>
    (await owner.query<Row>(text, values)).rows
  const identity = await server.authenticator.authenticate({
    authorization: `Bearer ${server.operatorToken}`,
    apiKey: null,
    ip: '127.0.0.1',
  })
  if (!identity) throw new Error('the operator is not let in')
  return {
    url: server.url,
    server,
    sql,
    /** Rights are read anew: organizations made since the start count. */
    async invoke(tool: string, input: unknown): Promise<Outcome> {
      const now = await server.authenticator.userIdentity(
        server.installation.adminId,
        { kind: 'operator', id: server.installation.adminId, name: 'operator' },
        null,
      )
      if (!now) throw new Error('the operator is not let in')
      return server.door.invoke({ ...now, channel: 'cli', client: 'test 1.0' }, tool, input, { surface: 'cli' })
    },
    async stop(): Promise<void> {
      await server.close()
      await owner.end()
      await cluster.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
    provision: provisionBySql(server, sql),
  }
}

type Sql = <Row extends QueryResultRow>(text: string, values?: unknown[]) => Promise<Row[]>

function provisionBySql(server: Awaited<ReturnType<typeof startServer>>, sql: Sql): Provision {
  const { partnerId, adminId } = server.installation
  const ensure = async (find: string, insert: string, values: unknown[]): Promise<string> => {
    const [known] = await sql<{ id: string }>(find, values)
    if (known) return known.id
    const [made] = await sql<{ id: string }>(insert, values)
    if (!made) throw new Error('nothing was inserted')
    return made.id
  }
  return {
    ensureOrganization: (name) =>
      ensure(
        'select id from organizations where partner_id = $1 and name = $2',
        'insert into organizations (id, partner_id, name) values (gen_random_uuid(), $1, $2) returning id',
        [partnerId, name],
      ),
    ensureSite: (organizationId, name) =>
      ensure(
        'select id from sites where organization_id = $1 and name = $2',
        'insert into sites (id, organization_id, name) values (gen_random_uuid(), $1, $2) returning id',
        [organizationId, name],
      ),
    enrollmentToken: async (organizationId, siteId, uses) => {
      const expiresAt = new Date(Date.now() + 3_600_000)
      const token = await server.db.worker((tx) =>
        server.enrollment.createToken(tx, {
          organizationId,
          siteId,
          uses,
          expiresAt,
          simulated: true,
          createdBy: adminId,
        }),
      )
      return token.secret
    },
  }
}
