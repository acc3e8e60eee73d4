/** Files on this very machine, through an official client. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { boot, type Harness } from '../harness.ts'
import { type AnyClient, officialClients } from '../mcp/clients.ts'
import { type AgentProcess, PATIENCE_MS, startAgent } from './agent-process.ts'
import { ask, type Reply } from './technician.ts'

let world: Harness
let machine: AgentProcess
let client: AnyClient
let device: string
beforeAll(async () => {
  world = await boot({ env: { BREEZE_ENV: 'development' } })
  machine = await startAgent(world, await world.organization('Northwind'))
  device = machine.id
  const key = await world.key(await world.user('partner_technician'), ['ai:execute'])
  const connect = officialClients((path) => `${world.server.url}/api/v1/mcp${path}`)['v1 over Streamable HTTP']
  if (!connect) throw new Error('no such client')
  client = await connect(key.key)
}, 2 * PATIENCE_MS)
afterAll(async () => {
  await client?.close()
  await machine?.stop()
  await world?.stop()
})

describe('files of our own', () => {
  const files = (action: string, path: string, more: object = {}): Promise<Reply> =>
    ask(client, 'device_files', { device, action, path, ...more })
  const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

  it('are put, listed, read and deleted', async () => {
    const folder = join(machine.folder, 'files')
    await mkdir(folder)
    const path = join(folder, 'note.txt')
    const put = await files('put', path, { content: 'grüße\n', mode: '0640' })
    const bytes = Buffer.from('grüße\n')
    expect(put.data).toMatchObject({
      state: 'succeeded',
      file: { path, size_bytes: bytes.length, sha256: sha256(bytes), replaced: false },
    })
    expect(await readFile(path, 'utf8')).toBe('grüße\n')
    expect((await stat(path)).mode & 0o777).toBe(0o640)
    const listed = await files('list', folder)
    expect(listed.data['file']).toMatchObject({
      total: 1,
      entries: [{ name: 'note.txt', kind: 'file', size_bytes: bytes.length }],
    })
    const read = await files('read', path)
    expect(read.data['file']).toMatchObject({ content: 'grüße\n', size_bytes: bytes.length, sha256: sha256(bytes) })
    expect(read.text).toContain('grüße')
    const deleted = await files('delete', path)
    expect(deleted.data).toMatchObject({ state: 'succeeded', file: { path, size_bytes: bytes.length } })
    expect(existsSync(path)).toBe(false)
  })

  it('are not replaced unless it is said, and read part by part', async () => {
    const path = join(machine.folder, 'large.bin')
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, n) => (n * 7) % 256))
    await writeFile(path, bytes)
    const kept = await files('put', path, { content: 'gone' })
    expect(kept.data).toMatchObject({ state: 'failed' })
    expect(await readFile(path)).toEqual(bytes)
    const parts: Buffer[] = []
    for (let offset: unknown = 0; offset !== undefined;) {
      const { data } = await files('read', path, { offset, max_bytes: 60_000 })
      const file = data['file'] as { base64: string; next_offset?: number }
      parts.push(Buffer.from(file.base64, 'base64'))
      offset = file.next_offset
    }
    expect(Buffer.concat(parts)).toEqual(bytes)
    const replaced = await files('put', path, { content: 'gone', overwrite: true })
    expect(replaced.data['file']).toMatchObject({ replaced: true })
    expect(await readFile(path, 'utf8')).toBe('gone')
  })

  it("of the agent's own are out of reach", async () => {
    for (const action of ['list', 'read', 'delete']) {
      const { data } = await files(action, join(machine.folder, 'state'))
      expect([action, data]).toMatchObject([action, { state: 'failed' }])
    }
    expect(existsSync(join(machine.folder, 'state'))).toBe(true)
  })
})
