/** What tools answer about alerts. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { compactTally, recountAlerts } from '../../src/domains/alerts/tally.ts'
import type { Caller } from '../../src/kernel/caller.ts'
import { type Answer, code, denial, done } from '../settings/answers.ts'
import { alertRow } from './rows.ts'
import { type AlertWorld, alertWorld, DISK, hoursAgo, morning } from './world.ts'

let w: AlertWorld
let technician: Caller
let everybody: Caller

beforeAll(async () => {
  w = await alertWorld()
  technician = await w.caller('technician', w.acme)
  everybody = await w.caller('partner_technician', null)
})
afterAll(() => w.h.stop())
afterEach(async () => {
  await w.h.sql('delete from alerts')
})

const call = async (tool: string, input: unknown, caller = everybody): Promise<Answer> =>
  done(await w.h.invoke(caller, tool, input))
const textOf = async (tool: string, input: unknown, caller = everybody): Promise<string> => {
  const outcome = await w.h.invoke(caller, tool, input)
  return outcome.status === 'done' ? outcome.text : ''
}
const titles = (answer: Answer): string[] => answer['alerts'].map((alert: Answer) => alert['title'])

describe('get_alerts', () => {
  it('answers a triage in one call: counts, the worst first, and which devices need attention', async () => {
    await morning(w)
    const answer = await call('get_alerts', { since: '12h' })
    expect(answer).toMatchObject({ total: 4, counts: { critical: 2, high: 2, medium: 0, low: 0, info: 0 } })
    expect(titles(answer)).toEqual(['Service stopped', 'Disk C: is nearly full', 'Patch failed', 'CPU busy'])
    expect(answer['attention']).toMatchObject([
      { name: 'ACME-DC-01', organization: 'Acme', counts: { critical: 1 }, first: 'Disk C: is nearly full' },
      { name: 'GLOBEX-1', organization: 'Globex', counts: { critical: 1 }, first: 'Service stopped' },
      { name: 'ACME-WS-1', organization: 'Acme', total: 2, counts: { high: 2 }, first: 'Patch failed' },
    ])
    const all = await call('get_alerts', { status: ['open', 'acknowledged', 'resolved'], since: '12h' })
    expect([all['total'], all['attention'][0]]).toMatchObject([5, { name: 'ACME-DC-01', total: 1 }])
    expect(answer['alerts'][1]).toMatchObject({
      device: { id: w.devices['ACME-DC-01'], name: 'ACME-DC-01' },
      organization: { id: w.acme.id, name: 'Acme' },
      source: 'metric',
      ...DISK,
      last_value: 98,
      occurrences: 4,
    })
    const text = await textOf('get_alerts', { since: '12h' })
    expect(text).toMatch(
      /^4 unresolved alerts: 2 critical, 2 high\.\nDevices that need attention first:\n1\. ACME-DC-01/,
    )
    expect(text).toMatch(
      /critical: ACME-DC-01 \(Acme\): Disk C: is nearly full \[97 % of 90 %, 98 % last, since .* UTC, 4 times\]/,
    )
  })

  it('takes filters by name, one or many, and times as spans, and refuses what it does not know', async () => {
    await morning(w)
    const found = async (input: unknown) => titles(await call('get_alerts', input))
    expect(await found({ severity: 'low' })).toEqual(['In hand', 'Clean up'])
    expect(await found({ severity: ['low', 'high'], status: 'open' })).toEqual(['Patch failed', 'CPU busy', 'Clean up'])
    expect(await found({ organization: 'globex' })).toEqual(['Service stopped'])
    expect(await found({ device: 'ACME-WS-1', sort: 'newest' })).toEqual(['Patch failed', 'CPU busy'])
    expect(await found({ source: 'patch_failed' })).toEqual(['Patch failed'])
    expect(await found({ older_than: '48h' })).toEqual(['In hand', 'Clean up'])
    expect(await found({ status: 'resolved' })).toEqual(['Over'])
    expect(await found({ since: hoursAgo(4).toISOString(), until: hoursAgo(2).toISOString() })).toEqual([
      'Service stopped',
    ])
    for (const input of [
      { since: 'yesterday' },
      { source: 'gremlins' },
      { severity: 'worst' },
      { cursor: 'x' },
      { since: 'last_session' },
    ])
      expect([input, code(await w.h.invoke(everybody, 'get_alerts', input))]).toEqual([input, 'invalid_input'])
    const again: Caller = { ...everybody, lastUsedAt: hoursAgo(2).toISOString() }
    expect(titles(await call('get_alerts', { since: 'last_session' }, again))).toEqual(['Patch failed'])
  })

  it('knows when the session before this one ended, however many calls this one has', async () => {
    const key = await w.h.key(await w.h.user('partner_technician'), ['ai:read'])
    const { authenticator } = w.h.server
    const last = async () => (await w.h.caller(key)).lastUsedAt
    expect([await last(), await last()]).toEqual([null, null])
    await authenticator.flushLastUsed()
    expect(await last()).toBeNull()
    await authenticator.flushLastUsed()
    const [before] = await w.h.sql<{ at: Date }>(
      `update api_keys set last_used_at = now() - interval '2 hours' where last_used_at is not null and id = $1 returning last_used_at as at`,
      [(await w.h.caller(key)).credential.id],
    )
    const ended = before?.at.toISOString()
    const shown = async () => new Date(String(await last())).toISOString()
    expect(await shown()).toBe(ended)
    for (let call = 0; call < 3; call += 1) {
      await authenticator.flushLastUsed()
      expect(await shown()).toBe(ended)
    }
    expect((await call('whoami', {}, await w.h.caller(key)))['last_session']).toBe(await last())
  })

  it('groups, the worst group first', async () => {
    await morning(w)
    const groups = async (by: string) => (await call('get_alerts', { group_by: by }))['groups']
    expect(await groups('severity')).toMatchObject([
      { key: 'critical', total: 2 },
      { key: 'high', total: 2 },
      { key: 'low', total: 2 },
    ])
    expect(await groups('organization')).toMatchObject([
      { name: 'Acme', total: 5, counts: { critical: 1, high: 2, low: 2 } },
      { name: 'Globex', total: 1 },
    ])
    expect((await groups('device')).map((group: Answer) => group['name'])).toEqual([
      'ACME-DC-01',
      'GLOBEX-1',
      'ACME-WS-1',
      'ACME-WS-2',
    ])
    expect(await groups('source')).toMatchObject([{ key: 'metric' }, { key: 'patch_failed', total: 1 }])
  })

  it('folds what another alert stands for, says how many, and shows them on request', async () => {
    const site = await alertRow(
      w.h,
      { id: w.acme.id, siteId: w.acme.siteId },
      { severity: 'critical', title: 'Site is dark', signal: 'site_offline' },
    )
    for (const name of ['ACME-WS-1', 'ACME-WS-2'])
      await w.alert(name, { title: 'Offline', signal: 'device_offline', parent: site, suppressed: 'parent' })
    await w.alert('ACME-DC-01', { severity: 'info', title: 'Rebooting', suppressed: 'maintenance' })
    const answer = await call('get_alerts', {})
    expect(answer).toMatchObject({
      total: 1,
      alerts: [{ title: 'Site is dark', device: null, site: 'Main Office', stands_for: 2 }],
      suppressed: { parent: 2, maintenance: 1 },
    })
    expect(await textOf('get_alerts', {})).toMatch(/Not shown: 2 under .*, 1 in maintenance.*stands for 2 more/s)
    expect((await call('get_alerts', { suppressed: true }))['total']).toBe(4)
    expect((await call('get_alerts', { device: 'ACME-WS-1' }))['total']).toBe(1)
  })

  it('pages through all of them once, in either order', async () => {
    for (let index = 0; index < 7; index += 1)
      await w.alert('ACME-WS-1', {
        instance: `${index}`,
        severity: index % 2 ? 'low' : 'high',
        title: `Alert ${index}`,
        openedAt: hoursAgo(index),
      })
    for (const sort of ['worst', 'newest']) {
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const page = await call('get_alerts', { limit: 3, sort, since: '2d', ...(cursor && { cursor }) })
        expect(page['total']).toBe(7)
        seen.push(...titles(page))
        cursor = page['next_cursor']
      } while (cursor)
      const order = sort === 'worst' ? [0, 2, 4, 6, 1, 3, 5] : [0, 1, 2, 3, 4, 5, 6]
      expect(seen).toEqual(order.map((index) => `Alert ${index}`))
    }
    const first = await call('get_alerts', { limit: 3 })
    expect(
      code(await w.h.invoke(everybody, 'get_alerts', { limit: 3, severity: 'low', cursor: first['next_cursor'] })),
    ).toBe('invalid_input')
  })

  it('shows and counts nothing of another organization, and asks for scope and permission', async () => {
    await morning(w)
    const own = await call('get_alerts', {}, technician)
    expect([own['total'], titles(own).includes('Service stopped')]).toEqual([5, false])
    expect(code(await w.h.invoke(technician, 'get_alerts', { organization: 'Globex' }))).toBe('not_found')
    expect(code(await w.h.invoke(technician, 'get_alerts', { device: w.devices['GLOBEX-1'] }))).toBe('not_found')
    const scripts = await w.caller('technician', w.acme, ['scripts.execute'])
    expect(denial(await w.h.invoke(scripts, 'get_alerts', {}))).toMatchObject({
      code: 'insufficient_scope',
      required_scope: 'ai:read',
    })
  })
})

describe('alerts of devices', () => {
  it('are counted in lists and told in details, and never of another organization', async () => {
    await morning(w)
    await w.alert('ACME-WS-1', { severity: 'critical', title: 'Offline', suppressed: 'parent' })
    const list = await call('list_devices', {}, technician)
    expect(
      list['devices'].map((device: Answer) => [device['name'], device['open_alerts'], device['worst_alert']]),
    ).toEqual([
      ['ACME-DC-01', 1, 'critical'],
      ['ACME-WS-1', 3, 'critical'],
      ['ACME-WS-2', 2, 'low'],
    ])
    expect(await textOf('list_devices', {})).toContain('3 alerts, worst critical')
    const details = await call('get_device_details', { device: 'ACME-WS-1', sections: ['alerts'] })
    expect(details).toMatchObject({
      open_alerts: 3,
      alerts: [{ title: 'Offline', suppressed: 'parent' }, { title: 'Patch failed' }, { title: 'CPU busy' }],
    })
    expect(await textOf('get_device_details', { device: 'ACME-DC-01' })).toContain(
      '1 open alert:\ncritical: ACME-DC-01',
    )
  })

  it('are null for who may not read them', async () => {
    await morning(w)
    const caller = await w.caller('devices_only', w.acme)
    const [device] = (await call('list_devices', {}, caller))['devices']
    expect(device).toMatchObject({ open_alerts: null })
    expect(await call('get_device_details', { device: 'ACME-DC-01' }, caller)).toMatchObject({ open_alerts: null })
    expect(await textOf('get_device_details', { device: 'ACME-DC-01' }, caller)).not.toContain('Disk C:')
  })
})

describe('the tally of unresolved alerts', () => {
  it('follows every change, and is the same after it was made smaller or compared', async () => {
    const { disk = '', low = '' } = await morning(w)
    const counts = async () => (await call('get_alerts', {}))['counts']
    expect(await counts()).toMatchObject({ critical: 2, high: 2, low: 2 })
    await w.h.sql(`update alerts set severity = 'medium' where id = $1`, [disk])
    await w.h.sql(`update alerts set suppressed = 'maintenance' where id = $1`, [low])
    await w.h.sql(`update alerts set last_seen_at = now()`)
    await compactTally(w.h.server.db)
    await w.h.sql(`update alerts set status = 'acknowledged' where id = $1`, [disk])
    expect(await call('get_alerts', { status: 'open' })).toMatchObject({ counts: { critical: 1, medium: 0 } })
    expect(await call('get_alerts', { status: 'acknowledged', severity: ['medium', 'low'] })).toMatchObject({
      counts: { medium: 1, low: 1 },
      total: 2,
    })
    await w.h.sql(`update alerts set status = 'resolved', resolved_at = now() where severity = 'high'`)
    expect(await call('get_alerts', {})).toMatchObject({
      counts: { critical: 1, high: 0, medium: 1, low: 1 },
      total: 3,
      suppressed: { maintenance: 1 },
    })
    await compactTally(w.h.server.db)
    expect(await recountAlerts(w.h.server.db)).toBe(0)
    await w.h.sql('delete from alerts where id = $1', [disk])
    await w.h.sql(`insert into alert_tally (organization_id, status, severity, n) values ($1, 'open', 'high', 5)`, [
      w.acme.id,
    ])
    expect(await counts()).toMatchObject({ high: 5, medium: 0 })
    expect(await recountAlerts(w.h.server.db)).toBe(1)
    expect(await counts()).toEqual({ critical: 1, high: 0, medium: 0, low: 1, info: 0 })
  })
})
