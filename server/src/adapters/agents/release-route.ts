/** GET /agent/v1/release/<sha256>: a build of the agent, for a device that was ordered to update to it. */
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { AGENT_RELEASE_PATH } from '@breeze/contract/agent-release'
import { type Context, Hono } from 'hono'
import type { Logger } from 'pino'
import type { AgentReleases } from '../../domains/agent-updates/releases.ts'
import type { HttpEnv } from '../http/types.ts'
import { TokenBuckets } from './token-bucket.ts'

export interface ReleaseRouteOptions {
  releases: Pick<AgentReleases, 'find' | 'path' | 'tickets'>
  now(): Date
  /** The client's address, already resolved through the trusted proxies. */
  addressOf(context: Context<HttpEnv>): string
  log: Pick<Logger, 'error'>
}

/** A customer's whole office may stand behind one address. */
const PER_MINUTE = 600
/** Of one device: a fetch, and some that broke off. */
const PER_DEVICE_AND_MINUTE = 10
/** At once, over all devices: each holds a file open. */
const MOST_DOWNLOADS = 100

export function releaseRoute(options: ReleaseRouteOptions): Hono<HttpEnv> {
  const addresses = new TokenBuckets(PER_MINUTE)
  const devices = new TokenBuckets(PER_DEVICE_AND_MINUTE)
  let downloads = 0
  const app = new Hono<HttpEnv>()
  const taken = (buckets: TokenBuckets, key: string): number => {
    const nowMs = options.now().getTime()
    const bucket = buckets.of(key, nowMs)
    const waitMs = bucket.wait(nowMs)
    if (waitMs === 0) bucket.spend()
    return Math.ceil(waitMs / 1000)
  }

  app.get(`${AGENT_RELEASE_PATH}/:sha256{[0-9a-f]{64}}`, async (context) => {
    const waitSeconds = taken(addresses, options.addressOf(context))
    if (waitSeconds > 0) return later(context, 429, waitSeconds)
    const sha256 = context.req.param('sha256')
    const [, ticket = ''] = /^Bearer ([\w.-]{1,200})$/i.exec(context.req.header('authorization') ?? '') ?? []
    const device = options.releases.tickets.deviceOf(ticket, sha256)
    if (device === null) return context.json({ error: { code: 'unauthorized', message: 'No ticket for this.' } }, 401)
    const deviceWaitSeconds = taken(devices, device)
    if (deviceWaitSeconds > 0) return later(context, 429, deviceWaitSeconds)
    if (downloads >= MOST_DOWNLOADS) return later(context, 503, 30)
    const release = await options.releases.find(sha256)
    if (!release) return context.json({ error: { code: 'not_found', message: 'There is no such build here.' } }, 404)
    const file = createReadStream(options.releases.path(sha256))
    downloads++
    file.once('close', () => downloads--)
    // Node's own web streams are the global ones; their types come from two places.
    return context.body(Readable.toWeb(file) as ReadableStream, 200, {
      'content-type': 'application/octet-stream',
      'content-length': String(release.sizeBytes),
      'cache-control': 'no-store',
    })
  })

  app.onError((error, context) => {
    options.log.error({ err: error }, 'a build of the agent could not be handed out')
    return later(context, 503, 30)
  })
  return app
}

function later(context: Context, status: 429 | 503, seconds: number): Response {
  context.header('retry-after', String(seconds))
  return context.json({ error: { code: 'unavailable', message: `Try again in ${seconds} seconds.` } }, status)
}
