/**
 * Which build of the agent runs on this machine, and what became of those that were tried: one file, replaced whole. The agent
 * writes it while it runs, its supervisor while no agent runs, so that they never write at once.
 */
import { readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isReleaseVersion } from '@breeze/contract/agent-release'
import * as z from 'zod'
import { replaceFile } from '../durable-file.ts'
import { isMissing } from '../identity-store.ts'

const version = z.string().refine(isReleaseVersion)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const build = z.object({ version, sha256 })
export type Build = z.infer<typeof build>

const trial = build.extend({
  commandId: z.string(),
  /** The version that ran before. */
  from: version,
  probationSeconds: z.number().int(),
  /** How often it was started. */
  starts: z.number().int(),
})
export type Trial = z.infer<typeof trial>

const ended = z.object({ commandId: z.string(), from: version, version, reason: z.string().nullable() })
/** `reason`: why it was rolled back; null: it has proved itself. */
export type EndedTrial = z.infer<typeof ended>

const bad = build.extend({ reason: z.string() })

const versionsFile = z.object({
  v: z.literal(1),
  /** The highest that was ever let in by the server; null before the first. */
  highest: version.nullable(),
  /** Runs instead of the installed program, where it is newer; null: the program. */
  current: build.nullable(),
  trial: trial.nullable(),
  /** The latest last. */
  ended: z.array(ended),
  bad: z.array(bad),
})
export type Versions = z.infer<typeof versionsFile>

const NONE: Versions = { v: 1, highest: null, current: null, trial: null, ended: [], bad: [] }
/** Of ended trials and of bad builds. */
const MOST_REMEMBERED = 50

const versionsPath = (stateDirectory: string): string => join(stateDirectory, 'versions.json')
const buildsFolder = (stateDirectory: string): string => join(stateDirectory, 'versions')
/** By its digest: what is there under a name never changes. */
export const bundlePath = (stateDirectory: string, digest: string): string =>
  join(buildsFolder(stateDirectory), `${digest}.cjs`)

/** Throws where there is a file that is not what was written. */
export async function readVersions(stateDirectory: string): Promise<Versions> {
  let text: string
  try {
    text = await readFile(versionsPath(stateDirectory), 'utf8')
  } catch (error) {
    if (isMissing(error)) return NONE
    throw error
  }
  const parsed = versionsFile.safeParse(parseJson(text))
  if (!parsed.success) throw new Error('versions.json is damaged: which versions ran here is not known any more')
  return parsed.data
}

export async function writeVersions(stateDirectory: string, versions: Versions): Promise<void> {
  await replaceFile(versionsPath(stateDirectory), `${JSON.stringify(versions, null, 2)}\n`)
}

export function proved(versions: Versions, { sha256: digest, version: to, commandId, from }: Trial): Versions {
  return {
    ...versions,
    highest: to,
    current: { version: to, sha256: digest },
    trial: null,
    ended: latest([...versions.ended, { commandId, from, version: to, reason: null }]),
    // It was forced, and works now.
    bad: versions.bad.filter((one) => one.sha256 !== digest),
  }
}

export function rolledBack(
  versions: Versions,
  { sha256: digest, version: to, commandId, from }: Trial,
  reason: string,
) {
  const others = versions.bad.filter((one) => one.sha256 !== digest)
  return {
    ...versions,
    trial: null,
    ended: latest([...versions.ended, { commandId, from, version: to, reason }]),
    bad: latest([...others, { version: to, sha256: digest, reason }]),
  } satisfies Versions
}

const latest = <T>(all: readonly T[]): T[] => all.slice(-MOST_REMEMBERED)

/** Removes the builds that nobody goes back to. */
export async function removeUnused(stateDirectory: string, { current, trial: tried }: Versions): Promise<void> {
  const keep = new Set([current, tried].flatMap((one) => (one ? [`${one.sha256}.cjs`] : [])))
  const names = await readdir(buildsFolder(stateDirectory)).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })
  for (const name of names) {
    if (!keep.has(name)) await rm(join(buildsFolder(stateDirectory), name), { force: true })
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Whatever is not JSON fails the schema.
    return undefined
  }
}
