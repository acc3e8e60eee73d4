/**
 * The server that the official conformance suite runs against: Breeze's own HTTP shell and MCP adapter, with bearer
 * authentication on, plus the suite's fixtures. The suite can't send credentials, so a proxy in front adds one.
 */
import { type IncomingMessage, type Server, type ServerResponse, createServer, request as httpRequest } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createShell } from '../../src/adapters/http/app.ts'
import { createGate } from '../../src/adapters/http/credentials.ts'
import { LocalRateLimiter } from '../../src/kernel/rate-limit.ts'
import { createMcpAdapter } from '../../src/adapters/mcp/adapter.ts'
import { CONFORMANCE_FIXTURES } from './conformance-fixtures.ts'
import { AuthenticatorDouble, KEYS, KernelDouble, depsOf, listen } from './double.ts'

export interface ConformanceServer {
  /** Of the proxy: requests sent here arrive authenticated. */
  url: string
  close(): Promise<void>
}

export async function startConformanceServer(): Promise<ConformanceServer> {
  const deps = depsOf(new KernelDouble(), new AuthenticatorDouble())
  const adapter = createMcpAdapter(
    { ...deps, gate: createGate(deps), limiter: new LocalRateLimiter() },
    CONFORMANCE_FIXTURES,
  )
  const shell = createShell(deps, [adapter.routes])
  const { origin, server } = await listen(shell.fetch)
  const proxy = await startCredentialProxy(origin, `Bearer ${KEYS.technician}`)
  return {
    url: `http://127.0.0.1:${proxy.port}/api/v1/mcp`,
    async close() {
      await adapter.close()
      for (const each of [proxy.server, server as Server]) {
        each.close()
        each.closeAllConnections()
      }
    },
  }
}

/** Adds the Authorization header and passes everything else through, Host and Origin unchanged, streams unbuffered. */
export async function startCredentialProxy(
  target: string,
  authorization: string,
): Promise<{ server: Server; port: number }> {
  const { hostname, port } = new URL(target)
  const server = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
    const headers = { ...incoming.headers, authorization }
    const forwarded = httpRequest(
      { hostname, port, method: incoming.method, path: incoming.url, headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        outgoing.flushHeaders()
        answer.pipe(outgoing)
      },
    )
    forwarded.on('error', () => outgoing.destroy())
    outgoing.on('close', () => forwarded.destroy())
    incoming.pipe(forwarded)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}
