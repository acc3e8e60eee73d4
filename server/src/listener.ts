/** The port: taken before anything else is started, so that a taken one costs nothing and the public URL is known. */
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Config } from './config.ts'

export class ListenError extends Error {
  override readonly name = 'ListenError'
}

export interface Listener {
  url: string
  port: number
  server: HttpServer
  /** Until then, every request is answered 503. */
  serve(fetch: Parameters<typeof getRequestListener>[0]): void
  close(): Promise<void>
}

export async function listen(config: Pick<Config, 'host' | 'port'>): Promise<Listener> {
  const server = createServer((_, response) => response.writeHead(503, { 'retry-after': '1' }).end())
  // Longer than proxies keep a connection they may still send on: otherwise one that we close at that moment loses a request.
  server.keepAliveTimeout = 75_000
  server.headersTimeout = 80_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explain(error, config)))
    server.listen(config.port, config.host, resolve)
  })
  // A server that listens on TCP has an AddressInfo; a string is for pipes only.
  const { port } = server.address() as AddressInfo
  const host = config.host.includes(':') ? `[${config.host}]` : config.host
  return {
    url: `http://${host === '0.0.0.0' || host === '[::]' ? '127.0.0.1' : host}:${port}`,
    port,
    server,
    serve: (fetch) => {
      server.removeAllListeners('request')
      server.on('request', getRequestListener(fetch))
    },
    close: () => closeGently(server),
  }
}

async function closeGently(server: HttpServer): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  server.closeIdleConnections()
  const force = setTimeout(() => server.closeAllConnections(), 5000)
  await closed
  clearTimeout(force)
}

function explain(error: NodeJS.ErrnoException, config: Pick<Config, 'host' | 'port'>): Error {
  const place = `${config.host}:${config.port}`
  if (error.code === 'EADDRINUSE')
    return new ListenError(`PORT: something already listens on ${place}; stop it or set PORT to another port`)
  if (error.code === 'EACCES')
    return new ListenError(`PORT: this account may not listen on ${place}; use a port above 1023`)
  if (error.code === 'ENOTFOUND')
    return new ListenError(`HOST: the name ${config.host} does not resolve on this machine`)
  if (error.code === 'EADDRNOTAVAIL') return new ListenError(`HOST: this machine has no address ${config.host}`)
  return error
}
