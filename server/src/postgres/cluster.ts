import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findBinaries, type Binaries } from './binaries.ts'
import { ClusterError, explainWriteError } from './cluster-error.ts'
import { initialise, ownerName, pinnedMajor } from './initialise.ts'
import { keepRunning } from './keep-running.ts'
import { takeLock } from './lock.ts'
import { ownerPassword } from './password.ts'
import { makePrivate, placeCluster, type Placement } from './placement.ts'
import { clearAfterCrash, findPostmaster, lastWords, launch, stopPostmaster, type Postmaster } from './postmaster.ts'
import { ensureDatabase, probe, type ClusterConnection, type Probe } from './probe.ts'
import { durableSettings, serverArguments, writeSettings } from './settings.ts'
import { prepareSocketFolder, removeSocketFolder, socketPort } from './socket-folder.ts'
import { findClusterUser, ownerOf, type SystemUser } from './system-user.ts'

export { ClusterError } from './cluster-error.ts'

export interface ClusterOptions {
  dataDir: string
  log(line: string): void
  /** The cluster listens on no network. */
  port?: never
  /** PostgreSQL settings that win over ours. Only here can durability be relaxed, and only tests do. */
  settings?: Record<string, string>
}

/** A running private cluster. */
export interface Cluster {
  connection: ClusterConnection
  /** PostgreSQL's version, `18.4`. */
  version: string
  /** Whether it was already running, left by a server that died. */
  adopted: boolean
  stop(): Promise<void>
}

interface Context {
  place: Placement
  user: SystemUser | undefined
  binaries: Binaries
  password: string
  settings: Record<string, string>
  log(line: string): void
}

interface Running {
  postmaster: Postmaster
  /** To the maintenance database, which exists from the first moment. */
  connection: ClusterConnection
  ready: Probe & { state: 'ready' }
  adopted: boolean
}

const database = 'breeze'
const startMs = 60_000
/** Replaying the log after a crash may take long, and cutting it short only makes it longer. */
const recoveryMs = 600_000

/**
 * Starts, or adopts, the private PostgreSQL cluster of a data folder.
 *
 * @throws ClusterError with one line that says what to do
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const dataDir = resolve(options.dataDir)
  try {
    const account = await findClusterUser(options.log)
    const place = await placeCluster(dataDir, account, options.log)
    const release = takeLock(join(place.clusterDir, 'lock'), dataDir)
    try {
      const context = await prepare(dataDir, place, ownerOf(place.data, account), options)
      return cluster(await bringUp(context), context, release)
    } catch (error) {
      release()
      throw error
    }
  } catch (error) {
    throw explainWriteError(error, dataDir)
  }
}

/** Everything up to a complete data folder. */
async function prepare(
  dataDir: string,
  place: Placement,
  user: SystemUser | undefined,
  { settings = {}, log }: ClusterOptions,
): Promise<Context> {
  const pinned = pinnedMajor(place)
  const binaries = await findBinaries(place.clusterDir, pinned, user, log)
  makePrivate(place.log, user)
  const context = { place, user, binaries, password: ownerPassword(dataDir), settings, log }
  if (pinned === undefined) {
    log(`making the database in ${place.clusterDir} with PostgreSQL ${binaries.version}`)
    await initialise(place, binaries, user, context.password, settings.fsync !== 'off')
  }
  return context
}

async function bringUp(context: Context): Promise<Running> {
  const running = (await adopt(context)) ?? (await start(context))
  try {
    assertDurable(running, context)
    await ensureDatabase(running.connection, database)
  } catch (error) {
    await stopPostmaster(running.postmaster, context.user, context.log)
    throw error
  }
  return running
}

function cluster({ postmaster, connection, ready, adopted }: Running, context: Context, release: () => void): Cluster {
  const { place, user, log } = context
  const watch = keepRunning(postmaster, async () => (await bringUp(context)).postmaster, log)
  let stopped: Promise<void> | undefined
  const stop = async () => {
    await stopPostmaster(await watch.end(), user, log)
    removeSocketFolder(place, connection.host, user)
    release()
  }
  return {
    connection: { ...connection, database },
    version: ready.version,
    adopted,
    stop: () => (stopped ??= stop()),
  }
}

/** Takes over the cluster that a killed server left running; stops it when it is not one that we would start today. */
async function adopt(context: Context): Promise<Running | undefined> {
  const { place, user, binaries, log } = context
  const found = findPostmaster(place)
  if (found === undefined) return undefined
  const connection = connectionTo(found.socketFolder, context)
  const answer = await untilSettled(found.postmaster, connection, context)
  if (
    answer.state === 'ready' &&
    answer.version === binaries.version &&
    answer.settings.data_directory === place.data
  ) {
    log(`adopted the running PostgreSQL ${answer.version} (process ${found.postmaster.pid})`)
    return { postmaster: found.postmaster, connection, ready: answer, adopted: true }
  }
  if (answer.state === 'refused') throw refused(answer.reason, context)
  log('restarting the PostgreSQL that a previous run left behind: it is not the version or the folder of this one')
  await stopPostmaster(found.postmaster, user, log)
  return undefined
}

async function start(context: Context): Promise<Running> {
  const { place, user, binaries, settings, log } = context
  const began = performance.now()
  writeSettings(place, binaries)
  const socketFolder = prepareSocketFolder(place, user)
  await clearAfterCrash(place, socketFolder)
  const connection = connectionTo(socketFolder, context)
  // A folder shared with another container shows that one's socket but not its processes, and PostgreSQL's own lock sees neither.
  if ((await probe(connection)).state !== 'absent') {
    throw new ClusterError(
      `the database in ${place.clusterDir} is in use from another container: stop that server first`,
    )
  }
  const postmaster = await launch(place, binaries, user, serverArguments(place, socketFolder, settings))
  const answer = await untilSettled(postmaster, connection, context)
  if (answer.state === 'refused') {
    await stopPostmaster(postmaster, user, log)
    throw refused(answer.reason, context)
  }
  if (answer.state !== 'ready') throw new ClusterError(`PostgreSQL did not start: ${lastWords(place)}`)
  log(`PostgreSQL ${answer.version} started in ${Math.round(performance.now() - began)} ms`)
  return { postmaster, connection, ready: answer, adopted: false }
}

/** Asks until the cluster is ready or refuses us, its process is gone, or patience is. */
async function untilSettled(postmaster: Postmaster, connection: ClusterConnection, { log }: Context): Promise<Probe> {
  const began = Date.now()
  let nextNews = began + 10_000
  for (let answer = await probe(connection); ; answer = await probe(connection)) {
    if (answer.state === 'ready' || answer.state === 'refused') return answer
    if (!postmaster.alive()) return { state: 'absent' }
    const patience = answer.state === 'busy' ? recoveryMs : startMs
    if (Date.now() - began > patience) {
      throw new ClusterError(
        `PostgreSQL (process ${postmaster.pid}) has not answered for ${patience / 1000} s: end it and start again`,
      )
    }
    if (Date.now() > nextNews) {
      log('still waiting for PostgreSQL to recover from the last crash')
      nextNews += 10_000
    }
    await sleep(20)
  }
}

function connectionTo(host: string, { password }: Context): ClusterConnection {
  return { host, port: socketPort, user: ownerName, password, database: 'postgres' }
}

function refused(reason: 'password' | 'full', { place }: Context): ClusterError {
  return new ClusterError(
    reason === 'full'
      ? `the database in ${place.clusterDir} has no connection left: stop what else uses it`
      : `the database in ${place.clusterDir} does not accept the password in keys/postgres-owner: restore that file from a backup`,
  )
}

function assertDurable({ ready }: Running, { place, settings }: Context): void {
  for (const name of durableSettings) {
    if (ready.settings[name] === 'on' || settings[name] !== undefined) continue
    throw new ClusterError(
      `${name} is ${ready.settings[name]} and must be on: correct it in ${join(place.clusterDir, 'postgresql.conf')}`,
    )
  }
}
