import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

/** A proxy that carries tunnels (CONNECT) and nothing else, for those who know the password. */
export class ConnectProxy {
  /** Where tunnels went. */
  readonly tunnels: string[] = []
  /** Turned away for want of the right password. */
  refused = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(credentials: string | undefined) {
    const wanted = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`
    this.#server = createServer((_request, response) => response.writeHead(405).end())
    this.#server.on('connect', (request, client: Socket) => {
      this.#keep(client)
      if (wanted !== undefined && request.headers['proxy-authorization'] !== wanted) {
        this.refused++
        client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
        return
      }
      const { hostname, port } = new URL(`http://${request.url}`)
      this.tunnels.push(request.url ?? '')
      const server = connect(Number(port), hostname, () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n')
        client.pipe(server).pipe(client)
      })
      this.#keep(server)
      client.on('error', () => server.destroy())
      server.on('error', () => client.destroy())
    })
  }

  static async start(credentials?: string): Promise<ConnectProxy> {
    const proxy = new ConnectProxy(credentials)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get port(): number {
    // A TCP server's address is an object once it listens.
    return (this.#server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }
}
