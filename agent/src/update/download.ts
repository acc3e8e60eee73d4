import { createHash } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { dirname } from 'node:path'
import { syncDirectory } from '../durable-file.ts'
import type { Transport } from '../transport.ts'

export interface DownloadOptions {
  transport: Transport
  bearer: string
  /** Exactly so many: what is longer is cut off at once, what is shorter counts for nothing. */
  sizeBytes: number
  /** In hex. */
  sha256: string
  /** Until all of it is there. */
  timeoutMs: number
  signal: AbortSignal
}

/** Under its final name the file is whole, durable and what its digest says; otherwise there is none. */
export async function download(url: URL, path: string, options: DownloadOptions): Promise<void> {
  const patience = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)])
  const part = `${path}.part`
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  try {
    const response = await get(url, options, patience)
    await store(response, part, options)
    await rename(part, path)
    await syncDirectory(dirname(path))
  } catch (error) {
    await rm(part, { force: true })
    if (!options.signal.aborted && patience.aborted)
      throw new Error(`it did not come within ${Math.round(options.timeoutMs / 1000)} s`, { cause: error })
    throw error
  }
}

/** Follows no redirect, so that the ticket goes to nobody else. */
function get(url: URL, { transport, bearer }: DownloadOptions, signal: AbortSignal): Promise<IncomingMessage> {
  const agent = transport.agentFor(url)
  return new Promise((resolve, reject) => {
    const settings = {
      headers: { authorization: `Bearer ${bearer}` },
      signal,
      ...(agent && { agent }),
      ...(transport.lookup && { lookup: transport.lookup }),
    }
    const request = url.protocol === 'https:' ? httpsRequest(url, settings) : httpRequest(url, settings)
    request.on('error', reject)
    request.on('response', (response) => {
      if (response.statusCode === 200) return resolve(response)
      response.resume()
      reject(new Error(`the server answered with status ${response.statusCode}`))
    })
    request.end()
  })
}

async function store(response: IncomingMessage, path: string, { sizeBytes, sha256 }: DownloadOptions): Promise<void> {
  const hash = createHash('sha256')
  const file = await open(path, 'w', 0o600)
  let bytes = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > sizeBytes) throw new Error(`it is larger than the ${sizeBytes} bytes that its manifest says`)
      hash.update(chunk)
      await file.writeFile(chunk)
    }
    if (bytes < sizeBytes) throw new Error(`it ended after ${bytes} of ${sizeBytes} bytes`)
    if (hash.digest('hex') !== sha256) throw new Error('its digest is not the one of its manifest')
    await file.sync()
  } finally {
    response.destroy()
    await file.close()
  }
}
