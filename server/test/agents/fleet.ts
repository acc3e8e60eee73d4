/** The agents' side of the server on a database of its own: hub, enrollment, presence and commands, and no more. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import { DEFAULT_CONFIGURATION } from '@breeze/contract/agent-configuration'
import type { CommandBody } from '@breeze/contract/agent-commands'
import type { Context } from 'hono'
import { Client, Pool, type QueryResultRow } from 'pg'
import pino, { type Logger } from 'pino'
import { inject } from 'vitest'
import { enrollRoute } from '../../src/adapters/agents/enroll-route.ts'
import { AgentHub } from '../../src/adapters/agents/hub.ts'
import { pollRoute } from '../../src/adapters/agents/poll-route.ts'
import { openDatabase } from '../../src/database/open.ts'
import { AgentSettings } from '../../src/domains/agent-settings/service.ts'
import { Commands } from '../../src/domains/commands/service.ts'
import { Enrollment, type NewToken } from '../../src/domains/devices/enrollment.ts'
import { Inventory, type InventoryOptions } from '../../src/domains/devices/inventory.ts'
import { Presence } from '../../src/domains/devices/presence.ts'
import type { PresenceTurn } from '../../src/domains/devices/presence-turns.ts'
import { Devices } from '../../src/domains/devices/service.ts'
import { EventLogs, type LoggedEvents } from '../../src/domains/event-logs/service.ts'
import { Metrics, type MetricsOptions } from '../../src/domains/metrics/service.ts'
import type { RowAccess } from '../../src/kernel/caller.ts'
import { type Environment, systemEnvironment, uuidv7 } from '../../src/kernel/context.ts'
import { Events } from '../../src/kernel/events.ts'
import { loadKeys } from '../../src/keys/keys.ts'
import { TEMPLATE } from '../template-database.ts'

export interface FleetOptions {
  now?: () => Date
  heartbeatSeconds?: number
  graceMs?: number
  challengeMs?: number
  maxUnauthenticated?: number
  /** Presence on timers of its own; otherwise the test ticks. */
  timers?: boolean
  refusalsPerMinute?: number
  opensPerMinute?: number
  changed?: InventoryOptions['changed']
  recorded?: MetricsOptions['recorded']
  log?: Logger
}

export interface Place {
  partnerId: string
  organizationId: string
  siteId: string
}

export type Fleet = Awaited<ReturnType<typeof bootFleet>>

export const newId = systemEnvironment.newId
const quiet = pino({ level: process.env['TEST_LOG_LEVEL'] ?? 'silent' })
const addressOf = (context: Context): string => context.req.header('x-test-address') ?? '127.0.0.1'
const pepper = Buffer.alloc(32, 7)

export async function bootFleet(options: FleetOptions = {}) {
  const { log = quiet } = options
  const postgres = inject('postgres')
  const name = `agents_${newId().replaceAll('-', '')}`
  const admin = new Client(postgres)
  await admin.connect()
  await admin.query(`create database ${name} template ${TEMPLATE}`)
  const dataDir = await mkdtemp(join(tmpdir(), 'breeze-fleet-'))
  const { db } = await openDatabase({ owner: { ...postgres, database: name }, pepper, onError: () => undefined })
  const keys = await loadKeys(dataDir)
  const now = options.now ?? (() => new Date())
  const environment: Environment = {
    ...systemEnvironment,
    now,
    newId: () => uuidv7(now().getTime(), systemEnvironment.randomBytes(10)),
  }
  const heartbeatSeconds = options.heartbeatSeconds ?? 60
  const events = new Events()
  const commands = new Commands({ db, events, signer: keys.commands, box: keys.box, now, log })
  const turns: PresenceTurn[] = []
  const logged: LoggedEvents[] = []
  const newPresence = () =>
    new Presence({
      db,
      events,
      now,
      log,
      heartbeatSeconds,
      turned: (told) => turns.push(...told),
      ...(options.graceMs && { graceMs: options.graceMs }),
    })
  const presence = newPresence()
  const inventory = new Inventory({ db, events, now, changed: options.changed })
  const metrics = new Metrics({ db, now, log, recorded: options.recorded })
  const eventLogs = new EventLogs({ db, events, now, logged: (batch) => logged.push(...batch) })
  const enrollment = new Enrollment({ db, events, pepper, environment })
  const settings = new AgentSettings({
    db,
    defaults: { ...DEFAULT_CONFIGURATION, heartbeatSeconds },
    failed: () => undefined,
  })
  const hub = new AgentHub({
    settings,
    db,
    commands,
    presence,
    inventory,
    metrics,
    eventLogs,
    environment,
    log,
    heartbeatSeconds,
    signer: keys.commands,
    ...(options.challengeMs && { challengeMs: options.challengeMs }),
    ...(options.maxUnauthenticated && { maxUnauthenticated: options.maxUnauthenticated }),
  })
  const app = enrollRoute({
    enrollment,
    heartbeatSeconds,
    now,
    log,
    signer: keys.commands,
    addressOf,
    requestsPerMinute: 100_000,
    refusalsPerMinute: options.refusalsPerMinute ?? 100_000,
  })
  app.route('/', pollRoute({ hub, now, addressOf, log, opensPerMinute: options.opensPerMinute ?? 100_000 }))
  const http = createServer(getRequestListener(app.fetch))
  hub.attach(http)
  await metrics.start()
  await presence.start({ timers: options.timers ?? true })
  commands.start()
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const owner = new Pool({ ...postgres, database: name, max: 3 })
  owner.on('error', () => undefined)
  const sql = async <Row extends QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> =>
    (await owner.query<Row>(text, values)).rows

  const place = async (): Promise<Place> => {
    const [partner] = await sql<{ id: string }>('select id from partners')
    const partnerId = partner?.id ?? newId()
    if (!partner) await sql('insert into partners (id, name) values ($1, $2)', [partnerId, 'Partner'])
    const organizationId = newId()
    const siteId = newId()
    await sql('insert into organizations (id, partner_id, name) values ($1, $2, $3)', [
      organizationId,
      partnerId,
      `Org ${organizationId}`,
    ])
    await sql('insert into sites (id, organization_id, name) values ($1, $2, $3)', [siteId, organizationId, 'Main'])
    return { partnerId, organizationId, siteId }
  }
  const token = async (of: Place, more: Partial<NewToken> = {}): Promise<string> => {
    const expiresAt = new Date(now().getTime() + 3_600_000)
    const { organizationId, siteId } = of
    const made = await db.worker((tx) =>
      enrollment.createToken(tx, { organizationId, siteId, uses: 1, expiresAt, createdBy: newId(), ...more }),
    )
    return made.secret
  }
  const operation = async (of: Place): Promise<string> => {
    const id = newId()
    await sql(
      `insert into operations (id, partner_id, organization_ids, call_id, user_id, credential_kind, credential_id, channel, tool, tier,
         state, summary, input, input_digest, effect_digest, target_ids, policy_asked, policy_applied)
       values ($1, $2, $3, $1, $1, 'system', 'test', 'system', 'test', 3, 'running', '', '{}', '', '', '{}', 'client', 'client')`,
      [id, of.partnerId, [of.organizationId]],
    )
    return id
  }
  /** Queues as a tool would: with the organization's own reach. */
  const queue = async (
    of: Place,
    deviceIds: readonly string[],
    body: CommandBody = echo('hello'),
    expiresInMs = 600_000,
  ) => {
    const operationId = await operation(of)
    const queued = await db.tenant(reach(of), (tx) =>
      commands.queue(tx, now(), {
        operationId,
        devices: deviceIds.map((id) => ({ id, organizationId: of.organizationId, siteId: of.siteId })),
        body,
        expiresAt: new Date(now().getTime() + expiresInMs),
        newId: environment.newId,
      }),
    )
    return { operationId, ids: queued.map((command) => command.id) }
  }
  const stop = async (): Promise<void> => {
    await hub.drain()
    await commands.stop()
    await inventory.idle()
    await metrics.idle()
    await eventLogs.idle()
    await presence.stop()
    const closed = new Promise((resolve) => http.close(resolve))
    http.closeAllConnections()
    await closed
    await db.close()
    await owner.end()
    await admin.query(`drop database ${name} with (force)`)
    await admin.end()
    await rm(dataDir, { recursive: true })
  }
  // A server that listens on TCP has an AddressInfo.
  const { port } = http.address() as AddressInfo
  return {
    db,
    keys,
    events,
    commands,
    presence,
    newPresence,
    inventory,
    metrics,
    eventLogs,
    logged,
    turns,
    enrollment,
    settings,
    hub,
    sql,
    place,
    token,
    operation,
    queue,
    stop,
    port,
    devices: new Devices(),
    url: `http://127.0.0.1:${port}`,
  }
}

export const reach = (of: Place, more: Partial<RowAccess> = {}): RowAccess => ({
  partnerId: of.partnerId,
  partnerWide: false,
  whole: [of.organizationId],
  limited: [],
  sites: [],
  ...more,
})

export const echo = (text: string): CommandBody => ({
  type: 'script.run',
  args: { language: 'bash', content: `echo ${text}`, arguments: [], timeoutSeconds: 30 },
})

export async function until<T>(
  look: () => Promise<T | undefined | false> | T | undefined | false,
  patienceMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (Date.now() > deadline) throw new Error('it did not happen in time')
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
}
