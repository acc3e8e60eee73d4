/** The agent of this repository as a process of its own, on this very machine, beside a whole server. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '../agents/fleet.ts'
import type { Harness, Organization } from '../harness.ts'
import type { Cable } from './cable.ts'

const BIN = fileURLToPath(new URL('../../../agent/src/bin.ts', import.meta.url))
export const HURRIED = fileURLToPath(new URL('./hurried-agent.ts', import.meta.url))

export interface AgentProcess {
  id: string
  name: string
  /** A folder for the files of a test. */
  folder: string
  stop(): Promise<void>
}

export interface AgentStart {
  /** It takes its samples twice a second. */
  hurried?: boolean
  /** Path of this machine → folder that the agent, and nobody else, sees there. Root only. */
  mounts?: Readonly<Record<string, string>>
  /** Lives at the end of it, and not in this network. */
  cable?: Pick<Cable, 'url' | 'certificatePath' | 'inside'>
}

export async function startAgent(
  world: Harness,
  place: Organization,
  { hurried = false, mounts = {}, cable }: AgentStart = {},
): Promise<AgentProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'breeze-reach-'))
  const token = await world.server.db.worker((tx) =>
    world.server.enrollment.createToken(tx, {
      organizationId: place.id,
      siteId: place.siteId,
      uses: 1,
      expiresAt: new Date(Date.now() + 3_600_000),
      createdBy: world.server.installation.adminId,
    }),
  )
  const said: string[] = []
  const command = [...mountLauncher(mounts), hurried ? HURRIED : BIN, '--policy', join(folder, 'policy.json')]
  const [program = '', ...args] = cable ? cable.inside(...command).flat() : command
  const child = spawn(program, args, {
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      BREEZE_AGENT_SERVER: cable?.url ?? world.server.url,
      ...(cable && { BREEZE_AGENT_CA: cable.certificatePath }),
      BREEZE_AGENT_TOKEN: token.secret,
      BREEZE_AGENT_STATE: join(folder, 'state'),
      BREEZE_AGENT_POWER: 'dry-run',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  child.stderr.on('data', (text: Buffer) => said.push(String(text)))
  const device = await until(async () => {
    if (child.exitCode !== null) throw new Error(`the agent ended: ${said.join('')}`)
    const [row] = await world.sql<{ id: string; name: string }>(
      `select d.id, d.name from devices d join device_sections s on s.device_id = d.id and s.section = 'capabilities'
       where d.organization_id = $1 and d.status = 'online'`,
      [place.id],
    )
    return row
  }, PATIENCE_MS)
  return { ...device, folder, stop: () => stop(child, folder) }
}

/** With a view of its own of these paths: both programs become the next one, so that the process is the agent's. */
export function mountLauncher(mounts: Readonly<Record<string, string>>): string[] {
  const bound = Object.entries(mounts).flat()
  if (bound.length === 0) return [process.execPath]
  const script = 'while [ "$1" != -- ]; do mount --bind "$2" "$1" || exit 1; shift 2; done; shift; exec "$@"'
  return ['unshare', '--mount', 'sh', '-c', script, 'sh', ...bound, '--', process.execPath]
}

/** A busy machine starts a process slowly. */
export const PATIENCE_MS = 60_000

async function stop(child: ChildProcess, folder: string): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
  await rm(folder, { recursive: true, force: true })
}
