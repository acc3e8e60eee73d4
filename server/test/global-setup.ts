import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startCluster } from '../src/postgres/cluster.ts'
import type { ClusterConnection } from '../src/postgres/probe.ts'
import { processMark } from '../src/postgres/processes.ts'
import { makeTemplate } from './template-database.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The owner's connection to the cluster of this test run. Each test file makes its own database in it. */
    postgres: ClusterConnection
  }
}

const prefix = 'breeze-test-run-'

/** Tests may lose their data in a power cut. */
const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' }

/** Starts one PostgreSQL for the whole run and takes it away at the end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await sweep()
  const folder = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`))
  // As root the cluster runs as another account, which has to pass through here.
  await chmod(folder, 0o711)
  const lines: string[] = []
  try {
    const cluster = await startCluster({ dataDir: folder, settings, log: (line) => lines.push(line) })
    await makeTemplate(cluster.connection)
    project.provide('postgres', cluster.connection)
    return async () => {
      await cluster.stop()
      await rm(folder, { recursive: true, force: true })
    }
  } catch (error) {
    throw new Error(`no PostgreSQL for the tests; it said: ${lines.join('; ')}`, { cause: error })
  }
}

/** Ends and removes what killed runs left behind: their cluster outlives them by design. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length).split('-')[0]) : undefined
    if (pid === undefined || processMark(pid) !== undefined) continue
    const dataDir = join(tmpdir(), name)
    try {
      const cluster = await startCluster({ dataDir, settings, log: () => undefined })
      await cluster.stop()
      await rm(dataDir, { recursive: true, force: true })
    } catch (error) {
      // Another run may be sweeping the same one, and what is left is for the next: neither concerns this run's tests.
      process.stderr.write(`could not remove ${dataDir}: ${String(error)}\n`)
    }
  }
}
