/** GET /agent/install.sh and the program it fetches. Public: neither holds a secret; enrolling takes a token. */
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { type Context, Hono } from 'hono'
import type { Logger } from 'pino'
import type { HttpEnv } from '../http/types.ts'
import { installScript } from './install-script.ts'
import { TokenBuckets } from './token-bucket.ts'

export interface InstallRouteOptions {
  program: {
    get(): Promise<{ target: string; path: string; compressedBytes: number; sha256: string }>
  }
  publicUrl: string
  now(): Date
  /** The client's address, already resolved through the trusted proxies. */
  addressOf(context: Context<HttpEnv>): string
  log: Pick<Logger, 'error'>
}

const SCRIPT_PATH = '/agent/install.sh'
const DOWNLOAD_PATH = '/agent/v1/program.gz'
/** A customer's whole office may stand behind one address. */
const PER_MINUTE = 120
/** At once, over all addresses: each holds a file open. */
const MOST_DOWNLOADS = 100

export function installRoute(options: InstallRouteOptions): Hono<HttpEnv> {
  const requests = new TokenBuckets(PER_MINUTE)
  let downloads = 0
  const app = new Hono<HttpEnv>()
  // By their own paths: this app is mounted beside every other one, and `*` would count all of the server's requests.
  app.on('GET', [SCRIPT_PATH, DOWNLOAD_PATH], async (context, next) => {
    const nowMs = options.now().getTime()
    const bucket = requests.of(options.addressOf(context), nowMs)
    const wait = bucket.wait(nowMs)
    if (wait > 0) return busy(context, 429, Math.ceil(wait / 1000))
    bucket.spend()
    return next()
  })

  app.get(SCRIPT_PATH, async (context) => {
    const { target, sha256 } = await options.program.get()
    const script = installScript({ publicUrl: options.publicUrl, downloadPath: DOWNLOAD_PATH, target, sha256 })
    return context.text(script, 200, { 'content-type': 'text/x-shellscript; charset=utf-8' })
  })

  app.get(DOWNLOAD_PATH, async (context) => {
    if (downloads >= MOST_DOWNLOADS) return busy(context, 503, 30)
    const { path, compressedBytes } = await options.program.get()
    const file = createReadStream(path)
    downloads++
    file.once('close', () => downloads--)
    // Node's own web streams are the global ones; their types come from two places.
    return context.body(Readable.toWeb(file) as ReadableStream, 200, {
      'content-type': 'application/gzip',
      'content-length': String(compressedBytes),
    })
  })

  app.onError((error, context) => {
    options.log.error({ err: error }, 'the agent program could not be made')
    return context.text('# This server could not make its agent program; its log says why.\nexit 1\n', 503)
  })
  return app
}

function busy(context: Context, status: 429 | 503, seconds: number): Response {
  context.header('retry-after', String(seconds))
  return context.text(`# Too many requests; try again in ${seconds} seconds.\nexit 1\n`, status)
}
