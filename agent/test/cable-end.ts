/**
 * What stands at the far end of a cable: TLS in front of the server, which lives in another network behind a unix socket, and a
 * port that is none of the server's. Arguments: address, the server's port, the other port, key file, certificate file, socket.
 */
import { readFileSync } from 'node:fs'
import { connect, createServer as createPlain } from 'node:net'
import { createServer } from 'node:tls'

const [address, port, other, key = '', cert = '', socketPath = ''] = process.argv.slice(2)

const front = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (client) => {
  const server = connect(socketPath)
  client.pipe(server).pipe(client)
  client.on('error', () => server.destroy())
  server.on('error', () => client.destroy())
  client.on('close', () => server.destroy())
})
const stranger = createPlain((client) => client.on('error', () => undefined).end())
stranger.listen(Number(other), address, () =>
  front.listen(Number(port), address, () => process.stdout.write('listening\n')),
)
