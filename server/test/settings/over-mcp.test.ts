import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { boot, type Harness } from '../harness.ts'
import { officialClients } from '../mcp/clients.ts'
import { done } from './answers.ts'

let h: Harness
beforeAll(async () => {
  h = await boot()
  await h.organization('Acme')
})
afterAll(() => h.stop())

const address = (path = '') => `${h.server.url}/api/v1/mcp${path}`

describe.each(Object.entries(officialClients(address)))('%s', (_name, connect) => {
  it('refuses tier 4 with its audit entry, and knows none of the settings', async () => {
    const key = await h.key(await h.user('partner_admin'), ['ai:execute', 'ai:execute_admin', 'administration.execute'])
    const client = await connect(key.key)
    const names = (await client.listTools()).tools.map((tool) => tool.name)
    for (const hidden of ['create_user', 'create_api_key', 'emergency_stop', 'export_secrets'])
      expect(names).not.toContain(hidden)
    const calls = [
      { name: 'manage_organization', arguments: { action: 'delete', organization: 'Acme' } },
      { name: 'manage_audit', arguments: { action: 'disable' } },
      { name: 'export_secrets', arguments: {} },
      { name: 'change_own_rights', arguments: { scopes: ['ai:execute_admin'] } },
    ]
    for (const call of calls) {
      const answer = await client.callTool(call)
      expect([call.name, answer]).toMatchObject([call.name, { isError: true, structuredContent: { code: 'blocked' } }])
      const { audit_entry: entry } = answer['structuredContent'] as Record<string, unknown>
      expect(await h.sql('select channel, decision, tier from audit_entries where id = $1', [entry])).toEqual([
        { channel: 'mcp', decision: 'denied', tier: 4 },
      ])
    }
    await client.close()
  })
})

describe('an open stream', () => {
  it.each(['deleted', 'rotated without an overlap', 'disabled with its user'])(
    'ends when its key is %s',
    async (how) => {
      const user = await h.user('partner_technician')
      const key = await h.key(user, ['ai:read', 'administration.write'])
      const response = await fetch(address('/sse'), { headers: { 'x-api-key': key.key, accept: 'text/event-stream' } })
      expect(response.status).toBe(200)
      const ended = drain(response)
      const own = await h.caller(key, 'rest')
      if (how === 'deleted') done(await h.invoke(await h.operator(), 'delete_api_key', { key: key.id }))
      if (how.startsWith('rotated')) done(await h.invoke(own, 'rotate_api_key', { key: key.id, overlap: '0' }))
      if (how.startsWith('disabled'))
        done(await h.invoke(await h.operator(), 'update_user', { action: 'disable', user }))
      expect(await Promise.race([ended, new Promise((resolve) => setTimeout(() => resolve('still open'), 5000))])).toBe(
        'ended',
      )
    },
  )
})

async function drain(response: Response): Promise<'ended'> {
  try {
    for await (const _ of response.body ?? []) continue
  } catch (error) {
    // A cut connection is an end too.
    if (!(error instanceof TypeError)) throw error
  }
  return 'ended'
}
