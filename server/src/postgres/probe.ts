import { Client } from 'pg'
import { codeOf } from './cluster-error.ts'

/** Where and as whom the cluster's owner connects. */
export interface ClusterConnection {
  /** The folder of the unix socket. */
  host: string
  port: number
  user: string
  password: string
  database: string
}

export type Probe =
  | { state: 'ready'; version: string; settings: Record<string, string> }
  /** Nobody listens there. */
  | { state: 'absent' }
  /** Starting, recovering or stopping. */
  | { state: 'busy' }
  | { state: 'refused'; reason: 'password' | 'full' }

const asked = ['server_version', 'data_directory', 'fsync', 'synchronous_commit', 'full_page_writes']

/** Asks the cluster how it is, in one short connection. An answer that fits none of the states is thrown. */
export async function probe(connection: ClusterConnection): Promise<Probe> {
  try {
    return await withClient(connection, async (client) => {
      const { rows } = await client.query<{ name: string; setting: string }>(
        'select name, setting from pg_settings where name = any($1)',
        [asked],
      )
      const settings = Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))
      // Debian appends its own version: `15.13 (Debian 15.13-0+deb12u1)`.
      return { state: 'ready', version: settings.server_version?.split(' ')[0] ?? '', settings }
    })
  } catch (error) {
    const code = codeOf(error) ?? ''
    if (['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(code)) return { state: 'absent' }
    // cannot_connect_now; admin_shutdown and crash_shutdown while it goes down.
    if (['57P03', '57P01', '57P02'].includes(code)) return { state: 'busy' }
    if (['28P01', '28000'].includes(code)) return { state: 'refused', reason: 'password' }
    if (code === '53300') return { state: 'refused', reason: 'full' }
    if (error instanceof Error && /^Connection terminated|timeout expired/.test(error.message)) return { state: 'busy' }
    throw error
  }
}

/** Makes our database where it is missing: after initdb, and after a crash between initdb and here. */
export async function ensureDatabase(maintenance: ClusterConnection, name: string): Promise<void> {
  await withClient(maintenance, async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`)
  })
}

async function withClient<Result>(
  connection: ClusterConnection,
  use: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = new Client({ ...connection, connectionTimeoutMillis: 5000, application_name: 'breeze cluster' })
  // The server may go away between two replies; the query in flight reports it.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await use(client)
  } finally {
    await client.end()
  }
}
