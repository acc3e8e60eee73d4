/** A program on this very machine that waits for the person to come back from the browser. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Loopback {
  callback: string
  /** The next arrival. Ask before what leads there. */
  arrival(): Promise<URL>
  close(): void
}

export async function startLoopback(): Promise<Loopback> {
  let arrived: ((url: URL) => void) | undefined
  const server = createServer((request, response) => {
    response.end('Connected.')
    const url = new URL(request.url ?? '/', callback)
    // A browser also asks for an icon.
    if (url.pathname === '/callback') arrived?.(url)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const callback = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`
  return {
    callback,
    arrival: () => new Promise((resolve) => (arrived = resolve)),
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
