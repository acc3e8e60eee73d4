/** What stands in front of a server on the internet: TLS towards the browser, plain HTTP towards the server. */
import { request } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { selfSigned } from '../../agent/test/certificate.ts'

export interface TlsProxy {
  /** As browsers name it. */
  url: string
  forwardTo(server: string): void
  close(): void
}

/** `client`: the address that it says requests come from. This process trusts its certificate from then on. */
export async function startTlsProxy(client: string): Promise<TlsProxy> {
  let target = ''
  const certificate = selfSigned('DNS:localhost')
  setDefaultCACertificates([...getCACertificates('default'), certificate.cert])
  const proxy = createServer(certificate, (asked, answer) => {
    const headers = { ...asked.headers, 'x-forwarded-for': client, 'x-forwarded-proto': 'https' }
    const passed = request(target + (asked.url ?? '/'), { method: asked.method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.rawHeaders)
      response.pipe(answer)
    })
    passed.on('error', () => answer.destroy())
    answer.on('close', () => passed.destroy())
    asked.pipe(passed)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://localhost:${(proxy.address() as AddressInfo).port}`,
    forwardTo: (server) => (target = server),
    close: () => {
      proxy.close()
      proxy.closeAllConnections()
    },
  }
}
