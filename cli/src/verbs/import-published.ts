import { constants } from 'node:fs'
import { copyFile, mkdir, realpath, rename, rm, stat, utimes } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Json } from '../client.ts'
import { Failure, usage } from '../failure.ts'
import { note } from '../print.ts'
import { dataDir } from '../server.ts'
import { actingVerb, answer, type CommonOptions, runVerb } from './verb.ts'

const PAUSE_MS = 2000
const LONGEST_MS = 60 * 60_000

/** What publishers say of systems and packages. */
export function publishedVerbs(parent: Command): void {
  actingVerb(
    parent,
    'lifecycle <file>',
    'until when systems are supported, as endoflife.date tells it (JSON)',
    'breeze import lifecycle full.json',
  ).action(async (file: string, options: CommonOptions) => {
    const result = await runVerb(options, 'import_lifecycle', { file: await placed(file) })
    answer(options, result, ['products', 'releases'], () => `${String(result['releases'])} releases imported.`)
  })
  actingVerb(
    parent,
    'vulnerabilities <file>',
    'known vulnerabilities: an export of the Debian security tracker, or of OSV for Debian or Ubuntu',
    'breeze import vulnerabilities debian-tracker.json\nbreeze import vulnerabilities all.zip',
  ).action(async (file: string, options: CommonOptions) => {
    const name = await placed(file)
    const result = await runVerb(options, 'import_vulnerabilities', { file: name })
    const done = result['state'] === 'running' ? await finished(options, name) : result
    answer(options, done, ['imports'], () => sentence(done))
  })
}

interface Imported {
  ecosystem: string
  releases: string[]
  advisories: number
}

function sentence(result: Json): string {
  // The tool's own answer, in the shape that it declares.
  const imports = result['imports'] as Imported[]
  const said = imports.map(
    ({ ecosystem, releases, advisories }) => `${advisories} entries for ${ecosystem} ${releases.join(', ')}`,
  )
  return `Imported: ${said.join('; ')}. Devices are assessed by them now.`
}

/** The server reads from its own folder only: the file is put there, on the server's machine. Answers its name. */
async function placed(path: string): Promise<string> {
  const folder = join(dataDir(), 'import')
  const name = basename(path)
  const found = await stat(path).catch(() => undefined)
  if (!found?.isFile()) throw usage(`${path} is not a file.`, 'Give the file that was saved from the publisher.')
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw new Failure('refused', `${folder} can't be written.`, {
      remedy: "Run this on the server's machine, by the server's account.",
      cause: error,
    })
  })
  const target = join(await realpath(folder), name)
  if ((await realpath(resolve(path))) === target) return name
  const temporary = `${target}.${process.pid}.tmp`
  try {
    // Where the file system can, the two share their blocks.
    await copyFile(path, temporary, constants.COPYFILE_FICLONE)
    // How old it is says how old its facts are.
    await utimes(temporary, found.atime, found.mtime)
    await rename(temporary, target)
  } catch (error) {
    await rm(temporary, { force: true })
    throw new Failure('refused', `${path} could not be put into ${folder}.`, {
      remedy: "Run this by the server's account, and see that there is room.",
      cause: error,
    })
  }
  return name
}

/** A large export takes longer than one call may. */
async function finished(options: CommonOptions, file: string): Promise<Json> {
  const deadline = Date.now() + LONGEST_MS
  for (;;) {
    const state = await runVerb(options, 'list_vulnerability_imports', {})
    const failure = state['last_failure'] as { file: string; reason: string } | null
    if (state['running'] === null) {
      if (failure?.file !== file)
        return { imports: (state['imports'] as (Imported & { file: string })[]).filter((one) => one.file === file) }
      throw new Failure('refused', failure.reason)
    }
    if (Date.now() > deadline) throw new Failure('refused', 'The import is still under way.')
    note(`Still importing: ${(state['running'] as { advisories: number }).advisories} entries so far …`)
    await sleep(PAUSE_MS)
  }
}
