/** Scripts that come with Breeze: files beside this one, in the library of every partner, read-only. */
import type { ScriptLanguage } from '@breeze/contract/agent-commands'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Environment } from '../../kernel/context.ts'
import { KernelError } from '../../kernel/errors.ts'
import { query, type Db, type Tx } from '../../kernel/db.ts'
import { changeScript, insertScript, type System, type VersionContent, versionDigest } from './library.ts'
import type { Parameter } from './parameters.ts'

interface BuiltIn {
  /** Of its file, without the ending; with the ending it is its key. */
  file: string
  name: string
  description: string
  os: System[]
  parameters?: Parameter[]
  timeoutSeconds?: number
}

const UNIX: System[] = ['linux', 'macos']
const WINDOWS: System[] = ['windows']
const DISK: Parameter[] = [
  { name: 'path', type: 'string', description: 'The folder to look below.', max_length: 500 },
  { name: 'top', type: 'number', description: 'How many to list.', default: 15, minimum: 1, maximum: 100 },
]
const REBOOT: Parameter[] = [
  { name: 'fail_when_pending', type: 'boolean', description: 'End with 3 where one is pending.', default: false },
]
const SPOOLER: Parameter[] = [
  { name: 'clear_queue', type: 'boolean', description: 'Remove all print jobs first.', default: false },
]

export const BUILT_IN: readonly BuiltIn[] = [
  {
    file: 'disk-report.sh',
    name: 'Disk clean-up report (Linux, macOS)',
    description: 'What takes the space of a disk and what a clean-up could remove. Removes nothing.',
    os: UNIX,
    parameters: DISK,
  },
  {
    file: 'disk-report.ps1',
    name: 'Disk clean-up report (Windows)',
    description: 'What takes the space of a disk and what a clean-up could remove. Removes nothing.',
    os: WINDOWS,
    parameters: DISK,
    timeoutSeconds: 900,
  },
  {
    file: 'pending-reboot.sh',
    name: 'Pending restart (Linux)',
    description: 'Whether the system waits for a restart, and why.',
    os: ['linux'],
    parameters: REBOOT,
  },
  {
    file: 'pending-reboot.ps1',
    name: 'Pending restart (Windows)',
    description: 'Whether the system waits for a restart, and why.',
    os: WINDOWS,
    parameters: REBOOT,
  },
  {
    file: 'local-admins.sh',
    name: 'Local administrators (Linux, macOS)',
    description: "Accounts with id 0, members of administrators' groups, rules of sudo.",
    os: UNIX,
  },
  {
    file: 'local-admins.ps1',
    name: 'Local administrators (Windows)',
    description: "Members of the local administrators' group.",
    os: WINDOWS,
  },
  {
    file: 'restart-print-spooler.sh',
    name: 'Restart printing (Linux, macOS)',
    description: 'Restarts CUPS; on request removes all print jobs first.',
    os: UNIX,
    parameters: SPOOLER,
  },
  {
    file: 'restart-print-spooler.ps1',
    name: 'Restart print spooler (Windows)',
    description: 'Restarts the spooler; on request removes all print jobs first.',
    os: WINDOWS,
    parameters: SPOOLER,
  },
  {
    file: 'flush-dns.sh',
    name: 'Flush DNS (Linux, macOS)',
    description: 'Empties the caches of names that the system keeps.',
    os: UNIX,
  },
  {
    file: 'flush-dns.ps1',
    name: 'Flush DNS (Windows)',
    description: 'Empties the cache of names.',
    os: WINDOWS,
  },
  {
    file: 'collect-diagnostics.py',
    name: 'Collect diagnostics',
    description: 'System, load, memory, disks, network, processes and what failed. Needs Python on the device.',
    os: [],
    parameters: [
      { name: 'top', type: 'number', description: 'Processes to list.', default: 10, minimum: 1, maximum: 50 },
    ],
  },
]

const LANGUAGE: Readonly<Record<string, ScriptLanguage>> = { sh: 'bash', ps1: 'powershell', py: 'python' }
const NOTE = 'comes with Breeze'

/** Beside the server's bundle as beside this source. */
export async function contentOf({ file, os, parameters = [], timeoutSeconds = 300 }: BuiltIn): Promise<VersionContent> {
  const language = LANGUAGE[file.split('.').at(-1) ?? '']
  if (!language) throw new Error(`${file} is in no language that is known`)
  const content = await readFile(fileURLToPath(new URL(`./built-in-scripts/${file}`, import.meta.url)), 'utf8')
  return { language, content, os, parameters, runAs: null, timeoutSeconds, undo: null }
}

/** Puts those that are missing into the libraries, and the next version of those that are different now. */
export async function giveBuiltInScripts(db: Db, environment: Pick<Environment, 'newId' | 'now'>): Promise<void> {
  const wanted = await Promise.all(BUILT_IN.map(async (script) => ({ script, content: await contentOf(script) })))
  await db.worker(async (tx) => {
    const partners = await tx.prepared<{ id: string }>('partners', 'select id from partners order by id', [])
    for (const partner of partners) {
      const there = await given(tx, partner.id)
      for (const { script, content } of wanted) {
        const before = there.get(script.file)
        const stamp = { at: environment.now(), by: null, note: NOTE }
        const { name, description } = script
        if (!before) {
          const place = { id: environment.newId(), partnerId: partner.id, organizationId: null }
          await unlessTaken(insertScript(tx, { ...place, name, description, builtIn: script.file }, content, stamp))
        } else if (before.digest !== versionDigest(content)) {
          await unlessTaken(changeScript(tx, before, { name, description, content, basedOn: before.version }, stamp))
        }
      }
    }
  })
}

/** A script of the partner's own that is called the same stays, and ours is left out. */
async function unlessTaken(given: Promise<unknown>): Promise<void> {
  await given.catch((error: unknown) => {
    if (!(error instanceof KernelError && error.code === 'conflict')) throw error
  })
}

async function given(tx: Tx, partnerId: string) {
  const rows = await tx.all(
    query
      .selectFrom('scripts as s')
      .innerJoin('script_versions as v', (join) =>
        join.onRef('v.script_id', '=', 's.id').onRef('v.version', '=', 's.version'),
      )
      .select(['s.id', 's.built_in', 's.version', 'v.digest'])
      .where('s.partner_id', '=', partnerId)
      .where('s.built_in', 'is not', null)
      .orderBy('s.id')
      .forUpdate('s'),
  )
  return new Map(rows.map((row) => [row.built_in, row]))
}
