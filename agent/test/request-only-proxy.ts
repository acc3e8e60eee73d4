/**
 * A company's proxy at its strictest: it ends TLS, reads each request as a whole and sends it on as a plain HTTP/1.1
 * request. An `Upgrade` does not survive it. Arguments: address, port, key file, certificate file, and the unix socket
 * behind which the server is, because that one lives in another network.
 */
import { readFileSync } from 'node:fs'
import { type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'

const [address, port, key = '', cert = '', socketPath = ''] = process.argv.slice(2)
const HOP_BY_HOP = ['connection', 'keep-alive', 'upgrade', 'te', 'trailer', 'transfer-encoding']

const withoutHops = (headers: IncomingMessage['headers']): IncomingMessage['headers'] =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name)))

async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  const { method, url: path, headers } = request
  // The test counts what came by here.
  process.stdout.write(`${JSON.stringify({ method, path, upgrade: headers.upgrade !== undefined })}\n`)
  const onwards = httpRequest({ socketPath, method, path, headers: withoutHops(headers) })
  onwards.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, withoutHops(answer.headers))
    answer.pipe(response)
  })
  onwards.on('error', () => response.headersSent || response.writeHead(502).end())
  response.on('close', () => onwards.destroy())
  onwards.end(body)
}

const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
  forward(request, response).catch(() => response.destroy())
})
server.listen(Number(port), address, () => process.stdout.write('{"listening":true}\n'))
