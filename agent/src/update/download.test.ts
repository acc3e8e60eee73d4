import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DIRECT } from '../transport.ts'
import { download } from './download.ts'

const content = Buffer.alloc(200_000, 'build ')
const sha256 = createHash('sha256').update(content).digest('hex')
let folder: string
let server: Server
let answer: (response: ServerResponse) => void
let bearer: string | undefined
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-download-'))
  answer = (response) => response.end(content)
  server = createServer((request, response) => {
    bearer = request.headers.authorization
    answer(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  rmSync(folder, { recursive: true })
})

const path = () => join(folder, 'versions/build.cjs')
// A TCP server's address is an object once it listens.
const url = () => new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
const fetchIt = (more: { sizeBytes?: number; sha256?: string; timeoutMs?: number; signal?: AbortSignal } = {}) =>
  download(url(), path(), {
    transport: DIRECT,
    bearer: 'ticket',
    sizeBytes: content.length,
    sha256,
    timeoutMs: 10_000,
    signal: new AbortController().signal,
    ...more,
  })
/** Nothing is left of what failed. */
const failed = async (...more: Parameters<typeof fetchIt>): Promise<string> => {
  const reason = await fetchIt(...more).then(
    () => 'it came',
    (error: Error) => error.message,
  )
  expect(readdirSync(join(folder, 'versions'))).toEqual([])
  return reason
}

test('a whole build is there under its name, and was asked for with the ticket', async () => {
  await fetchIt()
  expect(readFileSync(path())).toEqual(content)
  expect(readdirSync(join(folder, 'versions'))).toEqual(['build.cjs'])
  expect(bearer).toBe('Bearer ticket')
})

test('another digest than the manifest’s is refused', async () => {
  expect(await failed({ sha256: '0'.repeat(64) })).toBe('its digest is not the one of its manifest')
})

test('more bytes than the manifest says are cut off, fewer count for nothing', async () => {
  expect(await failed({ sizeBytes: 1000 })).toBe('it is larger than the 1000 bytes that its manifest says')
  answer = (response) => response.end(content.subarray(0, 1000))
  expect(await failed()).toBe('it ended after 1000 of 200000 bytes')
})

test('a connection that breaks in the middle leaves nothing', async () => {
  answer = (response) => {
    response.writeHead(200, { 'content-length': content.length })
    response.write(content.subarray(0, 1000), () => response.destroy())
  }
  expect(await failed()).toBe('aborted')
})

test('a refusal is told by its status, and a redirect is not followed', async () => {
  answer = (response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end()
  expect(await failed()).toBe('the server answered with status 302')
})

test('what does not come in time is given up, and what is cancelled ends', async () => {
  answer = (response) => void response.write(content.subarray(0, 1000))
  expect(await failed({ timeoutMs: 200 })).toBe('it did not come within 0 s')
  const cancel = new AbortController()
  setTimeout(() => cancel.abort('cancelled'), 50)
  await expect(fetchIt({ signal: cancel.signal })).rejects.toThrow()
})

test.skipIf(!existsSync('/dev/full'))('a full disk is told, and leaves nothing', async () => {
  mkdirSync(join(folder, 'versions'))
  symlinkSync('/dev/full', `${path()}.part`)
  expect(await failed()).toContain('ENOSPC')
})
