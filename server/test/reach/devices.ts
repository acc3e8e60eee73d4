/** Devices on a whole server that answer commands as a test says. */
import { createHash } from 'node:crypto'
import { type CommandBody, type CommandOutcome, commandPayload } from '@breeze/contract/agent-commands'
import { CAPABILITIES, type Capability } from '@breeze/contract/agent-capabilities'
import type { InventorySections } from '@breeze/contract/agent-inventory'
import { until } from '../agents/fleet.ts'
import { TestAgent } from '../agents/test-agent.ts'
import type { Harness, Organization } from '../harness.ts'

export type Answer = (body: CommandBody, commandId: string) => Partial<CommandOutcome> | null

export interface ReachDevice {
  id: string
  name: string
  agent: TestAgent
  /** What it was sent, in order. */
  received: CommandBody[]
}

const about = { status: 'ok' as const, source: 'a test', collectedAt: '2026-01-31T10:00:00.000Z' }

/** Can everything but what is named. */
export const capabilities = (...lacking: Capability[]): InventorySections['capabilities'] => ({
  ...about,
  data: CAPABILITIES.map((name) => ({ name, supported: !lacking.includes(name) })),
})

export const services = (
  ...items: { name: string; displayName?: string; state?: 'running' | 'stopped' | 'failed' }[]
): InventorySections['services'] => ({
  ...about,
  data: items.map(({ name, displayName = null, state = 'running' }) => {
    return { name, displayName, state, start: 'automatic', manager: 'sysv', pid: null }
  }),
})

export const network = (...macs: (string | null)[]): InventorySections['network'] => ({
  ...about,
  data: macs.map((mac, n) => ({ name: `eth${n}`, mac, up: true, addresses: [`192.0.2.${n + 1}`] })),
})

/** An enrolled device, connected as long as its test keeps it; `answer` null leaves a command unanswered. */
export async function connectDevice(
  world: Harness,
  place: Organization,
  name: string,
  more: { sections?: Partial<InventorySections>; answer?: Answer; siteId?: string } = {},
): Promise<ReachDevice> {
  const agent = new TestAgent(world.server.url)
  const token = await world.server.db.worker((tx) =>
    world.server.enrollment.createToken(tx, {
      organizationId: place.id,
      siteId: more.siteId ?? place.siteId,
      uses: 1,
      expiresAt: new Date(Date.now() + 3_600_000),
      createdBy: world.server.installation.adminId,
    }),
  )
  await agent.enroll(token.secret, { hostname: name })
  await agent.connect()
  agent.heartbeat()
  if (more.sections) await report(world, agent, more.sections)
  await world.sql(`update devices set role = 'workstation' where id = $1`, [agent.deviceId])
  await until(async () => (await statusOf(world, agent.deviceId)) === 'online')
  const received: CommandBody[] = []
  void answerAll(agent, received, more.answer ?? (() => null))
  return { id: agent.deviceId, name, agent, received }
}

export async function statusOf(world: Harness, id: string): Promise<string | undefined> {
  return (await world.sql<{ status: string }>('select status from devices where id = $1', [id]))[0]?.status
}

export async function report(world: Harness, agent: TestAgent, sections: Partial<InventorySections>): Promise<void> {
  const entries = Object.entries(sections).map(([name, section]) => [name, hashOf(section)] as const)
  agent.send({ type: 'inventory', sections, hashes: Object.fromEntries(entries) })
  await until(async () => {
    const rows = await world.sql<{ section: string; hash: string }>(
      'select section, hash from device_sections where device_id = $1',
      [agent.deviceId],
    )
    return entries.every(([name, hash]) => rows.some((row) => row.section === name && row.hash === hash))
  })
}
const hashOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex')

const A_LONG_TIME_MS = 3_600_000

async function answerAll(agent: TestAgent, received: CommandBody[], answer: Answer): Promise<void> {
  const closed = agent.closed.then(() => null)
  for (;;) {
    // Nobody sends to a socket that its test has closed.
    const frame = await Promise.race([agent.next('command', A_LONG_TIME_MS), closed])
    if (frame === null) return
    const { commandId, body } = commandPayload.parse(JSON.parse(frame.command.payload))
    received.push(body)
    const outcome = answer(body, commandId)
    if (outcome) agent.send({ type: 'result', commandId, outcome: { state: 'succeeded', ...outcome } })
  }
}
