import { Unsupported } from '../../collectors/section.ts'
import { runProgram } from '../run-program.ts'
import { exists, filesOf, modifiedAt } from '../files.ts'
import {
  lastLine,
  latest,
  MOST_UPDATES,
  type PendingUpdate,
  pendingUpdate,
  type PendingUpdates,
  type UpdateManager,
} from './manager.ts'

const SYNC = '/var/lib/pacman/sync'
const TIMEOUT_MS = 120_000

/** `checkupdates` fetches the lists aside; without it, what the last full fetch knew. */
export const pacmanUpdates: UpdateManager = {
  manager: 'pacman',
  present: () => exists('/var/lib/pacman/local'),
  async read() {
    try {
      return await read('checkupdates', ['--nocolor'], { none: 2 }, new Date().toISOString())
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error
      const databases = (await filesOf(SYNC)).filter((name) => name.endsWith('.db'))
      const dates = await Promise.all(databases.map((name) => modifiedAt(`${SYNC}/${name}`)))
      return await read('pacman', ['-Qu', '--color', 'never'], { none: 1 }, latest(dates))
    }
  },
}

async function read(
  program: string,
  args: readonly string[],
  /** The exit code for no updates at all. */
  { none }: { none: number },
  listsUpdatedAt: string | null,
): Promise<PendingUpdates> {
  const { exitCode, stdout, stderr } = await runProgram(program, args, { timeoutMs: TIMEOUT_MS, nice: true })
  const nothing = exitCode === none && stdout.trim() === '' && !/^error:/m.test(stderr)
  if (exitCode !== 0 && !nothing) throw new Error(`${program} failed: ${lastLine(stderr)}`)
  return { manager: 'pacman', listsUpdatedAt, updates: parsePacmanUpdates(stdout).slice(0, MOST_UPDATES) }
}

/** `name installed -> available`, and `[ignored]` behind what the configuration holds back. */
export function parsePacmanUpdates(text: string): PendingUpdate[] {
  return [...text.matchAll(/^(\S+) (\S+) -> (\S+)/gm)].map(([, name = '', installed = '', available = '']) =>
    // Arch marks no update as one for security.
    pendingUpdate({ name, installed, available, architecture: null, origin: null, security: null }),
  )
}
