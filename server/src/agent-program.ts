/** The agent as one file for the machines it is installed on: made of the bundle and this Node.js, once per version of both. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGzip } from 'node:zlib'
import { AGENT_FLAGS } from './agent-flags.ts'

const exec = promisify(execFile)

export interface AgentProgramOptions {
  /** The agent as one CommonJS file. */
  bundle: string
  dataDir: string
}

export interface BuiltProgram {
  /** Such as `linux-x64`: of the machines it runs on, which are of this server's own kind. */
  target: string
  /** Compressed by gzip. */
  path: string
  compressedBytes: number
  /** Of the program itself, not of the compressed file. In hex. */
  sha256: string
}

/** Marks where a Node.js binary looks for a program in itself (nodejs.org/api/single-executable-applications). */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'
/** The heap can't grow beyond this, whatever goes wrong. */
const FLAGS = [...AGENT_FLAGS, '--max-old-space-size=160']
const BUILD_MS = 120_000

export class AgentProgram {
  readonly #options: AgentProgramOptions
  #building: Promise<BuiltProgram> | undefined

  constructor(options: AgentProgramOptions) {
    this.#options = options
  }

  /** The first call takes some seconds, in processes of their own. A failed attempt is made again by the next call. */
  get(): Promise<BuiltProgram> {
    this.#building ??= this.#build().catch((error: unknown) => {
      this.#building = undefined
      throw error
    })
    return this.#building
  }

  async #build(): Promise<BuiltProgram> {
    const { bundle, dataDir } = this.#options
    const folder = join(dataDir, 'agent-program')
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const target = `linux-${process.arch}`
    if (process.platform !== 'linux') throw new Error('the single-file agent is made on Linux servers only')
    const version = createHash('sha256')
      .update(await readFile(bundle))
      .update(`${process.version} ${FLAGS.join(' ')}`)
      .digest('hex')
      .slice(0, 16)
    const path = join(folder, `breeze-agent-${target}-${version}.gz`)
    const sum = `${path}.sha256`
    if (!(await exists(sum))) await this.#make(folder, path, sum)
    await removeOthers(folder, [path, sum])
    const { size } = await stat(path)
    return { target, path, compressedBytes: size, sha256: (await readFile(sum, 'utf8')).trim() }
  }

  /** The sum is written last: with it the file is whole. */
  async #make(folder: string, path: string, sum: string): Promise<void> {
    const work = await mkdtemp(join(folder, 'making-'))
    try {
      const program = join(work, 'breeze-agent')
      await makeProgram(this.#options.bundle, work, program)
      await pipeline(createReadStream(program), createGzip(), createWriteStream(join(work, 'program.gz')))
      const hash = createHash('sha256')
      await pipeline(createReadStream(program), hash)
      await rename(join(work, 'program.gz'), path)
      await writeFile(join(work, 'sum'), `${hash.digest('hex')}\n`)
      await rename(join(work, 'sum'), sum)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  }
}

async function makeProgram(bundle: string, work: string, program: string): Promise<void> {
  const blob = join(work, 'agent.blob')
  const config = join(work, 'config.json')
  await writeFile(
    config,
    JSON.stringify({
      main: bundle,
      output: blob,
      disableExperimentalSEAWarning: true,
      useCodeCache: true,
      execArgv: FLAGS,
      // Nobody may hand the agent's Node.js flags of their own through NODE_OPTIONS.
      execArgvExtension: 'none',
    }),
  )
  const options = { timeout: BUILD_MS, env: {} }
  await exec(process.execPath, ['--experimental-sea-config', config], options)
  await copyFile(process.execPath, program)
  const postject = createRequire(import.meta.url).resolve('postject/dist/cli.js')
  await exec(process.execPath, [postject, program, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', FUSE], options)
}

async function removeOthers(folder: string, keep: readonly string[]): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    if (!keep.includes(path)) await rm(path, { recursive: true, force: true })
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}
