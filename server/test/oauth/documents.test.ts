/** A client's document, read over TLS from a server that means ill. */
import type { RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, expect, test } from 'vitest'
import { type Certificate, selfSigned } from '../../../agent/test/certificate.ts'
import { readDocument } from '../../src/oauth/documents.ts'

const DOCUMENT = { client_id: 'https://assistant.example.com/client.json' }
const json = { 'content-type': 'application/json' }
const certificate: Certificate = selfSigned('DNS:assistant.example.com')
const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function read(answer: RequestListener, host = 'assistant.example.com', patience = 400): Promise<unknown> {
  const server = createServer(certificate, answer)
  servers.push(server)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  // A server that listens on TCP has an AddressInfo.
  const { port } = server.address() as AddressInfo
  const url = new URL(`https://${host}/client.json`)
  return readDocument(url, '127.0.0.1', AbortSignal.timeout(patience), { port, ca: certificate.cert })
}

test('is read by its name, from the address that was vetted', async () => {
  const seen: (string | undefined)[] = []
  const document = await read((request, response) => {
    seen.push(request.headers.host, request.headers.cookie, request.headers.authorization)
    response.writeHead(200, json).end(JSON.stringify(DOCUMENT))
  })
  expect(document).toEqual(DOCUMENT)
  expect(seen).toEqual(['assistant.example.com', undefined, undefined])
})

const hostile: [string, RequestListener][] = [
  ['leads elsewhere', (_, response) => response.writeHead(302, { location: 'https://127.0.0.1/' }).end()],
  ['is too long', (_, response) => response.writeHead(200, json).end(JSON.stringify({ a: 'x'.repeat(6000) }))],
  [
    'never ends',
    (_, response) => {
      response.writeHead(200, json)
      const timer = setInterval(() => response.write(' '.repeat(1024)), 5)
      response.on('close', () => clearInterval(timer))
    },
  ],
  [
    'comes drop by drop',
    (_, response) => {
      response.writeHead(200, json)
      const timer = setInterval(() => response.write(' '), 20)
      response.on('close', () => clearInterval(timer))
    },
  ],
  ['says nothing', () => undefined],
  [
    'is packed',
    (_, response) =>
      response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(gzipSync(JSON.stringify(DOCUMENT))),
  ],
  [
    'is a page',
    (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(JSON.stringify(DOCUMENT)),
  ],
  ['is not there', (_, response) => response.writeHead(404, json).end(JSON.stringify(DOCUMENT))],
  ['is no JSON', (_, response) => response.writeHead(200, json).end('{"client_id":')],
  ['has endless headers', (_, response) => response.writeHead(200, { ...json, 'x-a': 'a'.repeat(10_000) }).end('{}')],
]
test.each(hostile)('that %s is given up', async (_, answer) => {
  await expect(read(answer)).rejects.toThrow()
})

test('of a server whose certificate is for another name is not read', async () => {
  const answer: RequestListener = (_, response) => response.writeHead(200, json).end(JSON.stringify(DOCUMENT))
  await expect(read(answer, 'other.example.com')).rejects.toThrow()
})
