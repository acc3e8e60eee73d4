/** The real server on a database of its own, for the part of the conformance suite that needs no fixtures. */
import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { startServer } from '../../src/compose.ts'
import { readConfig } from '../../src/config.ts'
import { loadKeys } from '../../src/keys/keys.ts'
import { startCluster } from '../../src/postgres/cluster.ts'

export interface RealServer {
  url: string
  /** The operator's token: opens everything. */
  token: string
  /** Of the first administrator, admin@breeze.local. */
  password: string
  close(): Promise<void>
}

export async function startRealServer(): Promise<RealServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'breeze-conformance-data-'))
  const clusterDir = await mkdtemp(join(tmpdir(), 'breeze-conformance-db-'))
  // As root the cluster runs as another account, which has to pass through here.
  await chmod(clusterDir, 0o711)
  const cluster = await startCluster({ dataDir: clusterDir, settings: { fsync: 'off' }, log: () => undefined })
  const password = randomBytes(16).toString('base64url')
  const config = readConfig({
    BREEZE_ADMIN_PASSWORD: password,
    BREEZE_DATA_DIR: dataDir,
    BREEZE_LOCAL_AGENT: 'off',
    MCP_MESSAGE_RATE_LIMIT_PER_MINUTE: '100000',
    MCP_SSE_RATE_LIMIT_PER_MINUTE: '1000',
    MCP_MAX_SSE_SESSIONS_PER_KEY: '100',
  })
  // Port 0 is not for operators: only a test lets the system choose.
  const free = { ...config, port: 0, publicUrl: 'http://127.0.0.1:0' }
  const keys = await loadKeys(dataDir)
  const server = await startServer({ config: free, owner: cluster.connection, keys, log: pino({ level: 'silent' }) })
  return {
    url: server.url,
    token: server.operatorToken,
    password,
    async close() {
      await server.close()
      await cluster.stop()
      for (const folder of [dataDir, clusterDir]) await rm(folder, { recursive: true, force: true })
    },
  }
}
