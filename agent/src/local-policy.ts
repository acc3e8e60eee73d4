import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { dirname, isAbsolute } from 'node:path'
import { capabilitiesOf, type CommandBody } from '@breeze/contract/agent-commands'
import * as z from 'zod'
import { errorText, type Log } from './log.ts'
import { errorCode } from './platform/error-code.ts'

const MAX_BYTES = 64 * 1024

/** What the owner of a machine forbids whatever the server says. */
const policyFile = z.strictObject({
  /** Command types and capabilities, such as `files.put` or `script.python`; `script.*` is all that begin so, `*` is all. */
  deny: z
    .array(z.string().regex(/^(\*|[a-z]+\.(\*|[a-z_]+))$/))
    .max(200)
    .default([]),
  /** Files and folders, with all that is in them, that the file commands leave alone. */
  denyPaths: z.array(z.string().max(4096).refine(isAbsolute, 'must be absolute')).max(200).default([]),
})
type PolicyFile = z.infer<typeof policyFile>

/** Denies nothing without a file, and everything while the file can't be believed. */
const NO_POLICY: PolicyFile = { deny: [], denyPaths: [] }
const DENY_ALL: PolicyFile = { deny: ['*'], denyPaths: ['/'] }

/**
 * The device's own policy, read anew for each command so that a change counts at once. A file that somebody else than
 * root could have written, or that can't be read, denies every command: silence would hand the machine to the server.
 */
export class LocalPolicy {
  readonly #path: string
  readonly #log: Log

  constructor(path: string, log: Log) {
    this.#path = path
    this.#log = log
  }

  denies(body: CommandBody): Promise<boolean> {
    return this.deniesAny([body.type, ...capabilitiesOf(body)])
  }

  /** Names of command types and capabilities. */
  async deniesAny(names: readonly string[]): Promise<boolean> {
    const { deny } = await this.#read()
    return deny.some((pattern) => names.some((name) => matches(pattern, name)))
  }

  async denyPaths(): Promise<readonly string[]> {
    return (await this.#read()).denyPaths
  }

  async #read(): Promise<PolicyFile> {
    try {
      return await readPolicy(this.#path)
    } catch (error) {
      const message = error instanceof z.ZodError ? z.prettifyError(error) : errorText(error)
      this.#log('policy_broken_everything_is_denied', { path: this.#path, message: message.slice(0, 500) })
      return DENY_ALL
    }
  }
}

function matches(pattern: string, name: string): boolean {
  return pattern === '*' || pattern === name || (pattern.endsWith('.*') && name.startsWith(pattern.slice(0, -1)))
}

async function readPolicy(path: string): Promise<PolicyFile> {
  let file: FileHandle
  try {
    // A FIFO in its place must not hold the agent up.
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    await checkFolder(dirname(path))
    return NO_POLICY
  }
  try {
    await checkFolder(dirname(path))
    const info = await file.stat()
    if (!info.isFile()) throw new Error('it is not a regular file')
    if (info.size > MAX_BYTES) throw new Error('it is too large')
    checkOwner(info)
    return policyFile.parse(JSON.parse(await file.readFile('utf8')))
  } finally {
    await file.close()
  }
}

/** Whoever may write to the folder could take the file away, or put another in its place. */
async function checkFolder(folder: string): Promise<void> {
  try {
    checkOwner(await stat(folder))
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
}

function checkOwner({ uid, mode }: { uid: number; mode: number }): void {
  // There, the folder's access control list does this; it is set when the agent is installed.
  if (process.platform === 'win32') return
  const trusted = uid === 0 || uid === process.getuid?.()
  if (!trusted || (mode & 0o022) !== 0) throw new Error('others than root may write to it or to its folder')
}
