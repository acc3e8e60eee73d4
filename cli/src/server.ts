/**
 * Which server, and as whom: BREEZE_URL and BREEZE_KEY, or on the server's own machine what it left in its data folder.
 * The only reader of the CLI's environment.
 */
import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Failure, usage } from './failure.ts'

export interface Server {
  origin: string
  token: string
}

type Environment = Readonly<Record<string, string | undefined>>

const START = 'Start it with npm start, or set BREEZE_URL and BREEZE_KEY to use another server.'

export async function findServer(env: Environment = process.env): Promise<Server> {
  const named = env['BREEZE_URL'] ? originOf(env['BREEZE_URL']) : undefined
  const key = env['BREEZE_KEY']
  if (key) {
    if (!/^[\x21-\x7e]{8,512}$/.test(key))
      throw usage('BREEZE_KEY is not an API key.', 'A key looks like brz_… and has no spaces.')
    return guarded({ origin: named ?? (await localServer(env)).origin, token: key })
  }
  const local = await localServer(env).catch((error: unknown) => {
    if (named === undefined) throw error
    return undefined
  })
  if (named !== undefined && (local === undefined || canonical(named) !== canonical(local.origin))) {
    throw usage(`There is no key for ${named}.`, 'Set BREEZE_KEY to an API key of that server.')
  }
  if (!local) throw new Failure('unreachable', 'No Breeze server runs on this machine.', { remedy: START })
  return guarded({ origin: local.origin, token: await operatorToken(dataDir(env)) })
}

/** A key in clear over a network is a key given away. */
function guarded(server: Server): Server {
  const { protocol, hostname } = new URL(server.origin)
  if (protocol === 'https:' || isLoopback(hostname)) return server
  throw usage(`A key is not sent over plain http to ${hostname}.`, 'Use https:// in BREEZE_URL.')
}

function originOf(text: string): string {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw usage(`BREEZE_URL is not a URL: ${text}`, 'It should look like https://rmm.example.com.')
  }
  if (url.username !== '' || url.password !== '')
    throw usage('BREEZE_URL must not hold a password.', 'Set BREEZE_KEY instead.')
  return url.origin
}

/** `URL` has already normalised addresses, so 127.1 arrives here as 127.0.0.1. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(\.\d+){3}$/.test(hostname)
  )
}

/** The names of the loopback interface are aliases of one origin. */
export function canonical(origin: string): string {
  const url = new URL(origin)
  if (!isLoopback(url.hostname)) return url.origin
  return `${url.protocol}//loopback:${url.port || (url.protocol === 'https:' ? '443' : '80')}`
}

/** The project's folder: the one above whose package is called breeze. */
export function projectFolder(from = import.meta.dirname): string {
  const parent = dirname(from)
  if (parent === from || existsSync(join(from, 'package-lock.json'))) return from
  return projectFolder(parent)
}

export function dataDir(env: Environment = process.env): string {
  const named = env['BREEZE_DATA_DIR']
  return named ? resolve(named) : join(projectFolder(), 'data')
}

async function localServer(env: Environment): Promise<{ origin: string }> {
  const file = join(dataDir(env), 'server.json')
  const text = await read(file)
  if (text === undefined)
    throw new Failure('unreachable', 'No Breeze server has run on this machine yet.', { remedy: START })
  const said = parseServerFile(text)
  if (!said)
    throw new Failure('refused', `${file} is not what a server wrote.`, {
      remedy: 'Restart the server; it writes the file again.',
    })
  // Another program may listen on the port by now; it must not be given the token.
  if (!isAlive(said.pid))
    throw new Failure('unreachable', 'The Breeze server on this machine is not running.', { remedy: START })
  return { origin: said.origin }
}

function parseServerFile(text: string): { origin: string; pid: number } | null {
  try {
    const said: unknown = JSON.parse(text)
    if (typeof said !== 'object' || said === null || !('url' in said) || !('pid' in said)) return null
    if (typeof said.url !== 'string' || typeof said.pid !== 'number' || !URL.canParse(said.url)) return null
    return { origin: new URL(said.url).origin, pid: said.pid }
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Somebody else's process is a process.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

async function operatorToken(folder: string): Promise<string> {
  const file = join(folder, 'operator.token')
  const text = await read(file)
  if (text === undefined)
    throw new Failure('refused', `There is no operator token in ${folder}.`, {
      remedy: 'Restart the server; it writes one.',
    })
  if (process.platform !== 'win32' && ((await stat(file)).mode & 0o077) !== 0) {
    throw new Failure('refused', `${file} can be read by others.`, {
      remedy: `chmod 600 ${file}, then restart the server for a new token.`,
    })
  }
  return text.trim()
}

async function read(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    if (code === 'EACCES' || code === 'EPERM') {
      throw new Failure('refused', `This account may not read ${file}.`, {
        remedy: "Run it as the server's account, or set BREEZE_URL and BREEZE_KEY.",
        cause: error,
      })
    }
    throw error
  }
}
