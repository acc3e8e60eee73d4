/** What people do with alerts. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { forgetAlerts } from '../../src/domains/alerts/retention.ts'
import { recountAlerts } from '../../src/domains/alerts/tally.ts'
import type { Caller } from '../../src/kernel/caller.ts'
import { type Answer, code, denial, done } from '../settings/answers.ts'
import { type AlertWorld, alertWorld, hoursAgo, morning } from './world.ts'

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
const events = (alert: string) =>
  w.h.sql('select kind, user_id is not null as by_person, note from alert_events where alert_id = $1 order by id', [
    alert,
  ])
const titles = (answer: Answer): string[] => answer['alerts'].map((alert: Answer) => alert['title'])

describe('acknowledge_alerts', () => {
  it('takes a filter, says how many matched, and the same call again changes nothing', async () => {
    const { low = '', taken = '' } = await morning(w)
    const input = { filter: { severity: 'low', older_than: '48h' }, note: 'Clean-up day', acknowledge_until: '8h' }
    const answer = await call('acknowledge_alerts', input)
    expect(answer).toMatchObject({
      matched: 1,
      changed: 1,
      alerts: [{ id: low, outcome: 'acknowledged', device: 'ACME-WS-2' }],
    })
    expect(answer['audit_entry']).toEqual(expect.any(String))
    const [row] = await w.h.sql(
      'select status, note, version, acknowledged_until > now() as later from alerts where id = $1',
      [low],
    )
    expect(row).toEqual({ status: 'acknowledged', note: 'Clean-up day', version: 2, later: true })
    expect(await events(low)).toEqual([
      { kind: 'opened', by_person: false, note: null },
      { kind: 'acknowledged', by_person: true, note: 'Clean-up day' },
    ])
    expect(denial(await w.h.invoke(everybody, 'acknowledge_alerts', input))).toMatchObject({ code: 'not_found' })
    const again = await call('acknowledge_alerts', { ids: taken })
    expect(again).toMatchObject({ matched: 1, changed: 0, alerts: [{ outcome: 'unchanged' }] })
    expect(await events(taken)).toHaveLength(1)
  })

  it('tells of each id what became of it, and touches no other organization', async () => {
    const { disk = '', over = '', foreign = '' } = await morning(w)
    const answer = await call('acknowledge_alerts', { ids: [disk, over, foreign.toUpperCase()] }, technician)
    expect(answer).toMatchObject({ matched: 2, changed: 1 })
    expect(answer['alerts'].map(({ id, outcome }: Answer) => [id, outcome])).toEqual([
      [foreign, 'not_found'],
      [disk, 'acknowledged'],
      [over, 'already_resolved'],
    ])
    const absent = '0199c0de-0000-7000-8000-000000000000'
    const refusals = await Promise.all(
      [foreign, absent].map(async (ids) => denial(await w.h.invoke(technician, 'acknowledge_alerts', { ids }))),
    )
    expect(refusals.map(({ reason }) => reason.replace(/"[^"]+"/, '""'))).toEqual(
      Array(2).fill('No alert "" is visible to you.'),
    )
    expect(await w.h.sql('select status from alerts where id = $1', [foreign])).toEqual([{ status: 'open' }])
  })

  it('asks for ids or a filter, a right, and a time to come', async () => {
    const { disk = '' } = await morning(w)
    for (const input of [
      {},
      { filter: {} },
      { ids: disk, filter: { severity: 'low' } },
      { ids: 'x' },
      { ids: disk, acknowledge_until: hoursAgo(1).toISOString() },
    ])
      expect([input, code(await w.h.invoke(everybody, 'acknowledge_alerts', input))]).toEqual([input, 'invalid_input'])
    const viewer = await w.caller('viewer', w.acme)
    expect(code(await w.h.invoke(viewer, 'acknowledge_alerts', { ids: disk }))).toBe('forbidden')
    const reader = await w.caller('technician', w.acme, ['ai:read'])
    expect(code(await w.h.invoke(reader, 'acknowledge_alerts', { ids: disk }))).toBe('insufficient_scope')
  })
})

describe('resolve_alerts', () => {
  it('says where the condition still holds, is over, or can not be seen', async () => {
    const firing = await w.alert('ACME-WS-1', { title: 'Firing' })
    const clearing = await w.alert('ACME-WS-1', { title: 'Clearing', state: 'clearing' })
    const unseen = await w.alert('ACME-WS-2', { title: 'Unseen', state: 'no_data' })
    const ids = [firing, clearing, unseen]
    const plan = await call('resolve_alerts', { ids, dry_run: true })
    expect(plan['plan']).toMatchObject({
      summary: 'Have 3 alerts resolved: 3 high.',
      warnings: [expect.stringContaining('1 still holds')],
    })
    const answer = await call('resolve_alerts', { ids, note: 'Replaced the disk' })
    expect(answer).toMatchObject({ matched: 3, changed: 3, still_holding: 1 })
    const conditions = Object.fromEntries(answer['alerts'].map((alert: Answer) => [alert['title'], alert['condition']]))
    expect(conditions).toEqual({ Firing: 'still holds', Clearing: 'over', Unseen: 'not visible at present' })
    expect(await call('resolve_alerts', { ids })).toMatchObject({ matched: 3, changed: 0 })
    expect(await events(firing)).toMatchObject([
      { kind: 'opened' },
      { kind: 'resolved', by_person: true, note: 'Replaced the disk' },
    ])
  })

  it('meets a change that came first without undoing it', async () => {
    const { disk = '', cpu = '' } = await morning(w)
    const both = await Promise.all([
      call('resolve_alerts', { ids: [disk, cpu] }),
      call('resolve_alerts', { ids: [cpu, disk] }),
      call('acknowledge_alerts', { ids: [disk, cpu] }),
    ])
    const resolved = both.slice(0, 2).reduce((sum, answer) => sum + Number(answer['changed']), 0)
    expect(resolved).toBe(2)
    expect(await w.h.sql('select distinct status from alerts where id in ($1, $2)', [disk, cpu])).toEqual([
      { status: 'resolved' },
    ])
    expect((await events(disk)).filter(({ kind }) => kind === 'resolved')).toHaveLength(1)
  })
})

describe('manage_alerts', () => {
  it('lists as get_alerts does, and acts as the others do', async () => {
    const { disk = '', cpu = '', low = '' } = await morning(w)
    const filter = { severity: 'high', organization: 'Acme' }
    expect(titles(await call('manage_alerts', { action: 'list', ...filter }))).toEqual(
      titles(await call('get_alerts', filter)),
    )
    expect(await call('manage_alerts', { action: 'acknowledge', ids: cpu, note: 'mine' })).toMatchObject({ changed: 1 })
    expect(await call('manage_alerts', { action: 'unacknowledge', ids: cpu })).toMatchObject({ changed: 1 })
    expect(await call('manage_alerts', { action: 'resolve', severity: 'low', older_than: '48h' })).toMatchObject({
      matched: 2,
      changed: 2,
    })
    expect(await w.h.sql('select status from alerts where id = $1', [low])).toEqual([{ status: 'resolved' }])
    expect(await call('manage_alerts', { action: 'escalate', ids: disk, note: 'Nobody answers' })).toMatchObject({
      changed: 1,
    })
    expect(await w.h.sql('select escalation, severity from alerts where id = $1', [disk])).toEqual([
      { escalation: 1, severity: 'critical' },
    ])
    expect((await events(disk)).at(-1)).toMatchObject({ kind: 'escalated', by_person: true })
    expect(code(await w.h.invoke(everybody, 'manage_alerts', { action: 'resolve' }))).toBe('invalid_input')
  })

  it('lists for who may only read, and is shown to them with that action alone', async () => {
    await morning(w)
    const viewer = await w.caller('viewer', w.acme, ['ai:read'])
    expect((await call('manage_alerts', { action: 'list' }, viewer))['total']).toBe(5)
    expect(code(await w.h.invoke(viewer, 'manage_alerts', { action: 'escalate', severity: 'low' }))).toBe(
      'insufficient_scope',
    )
  })
})

it('lets go of an alert long after it was over, with its timeline, and of none that is not', async () => {
  const { over = '', disk = '' } = await morning(w)
  const recent = await w.alert('ACME-WS-1', { status: 'resolved', title: 'Over lately' })
  const child = await w.alert('ACME-WS-2', { title: 'Stood under it', parent: over, suppressed: 'parent' })
  const long = `now() - interval '401 days'`
  await w.h.sql(`update alerts set opened_at = ${long}, resolved_at = ${long} where id = $1`, [over])
  await w.h.sql(`update alerts set opened_at = ${long} where id = $1`, [disk])
  expect(await forgetAlerts(w.h.server.db, new Date(), 400)).toBe(1)
  const left = await w.h.sql<{ id: string }>('select id from alerts where id = any ($1)', [[over, disk, recent, child]])
  expect(left.map(({ id }) => id).toSorted()).toEqual([disk, recent, child].toSorted())
  expect([(await events(over)).length, (await events(disk)).length]).toEqual([0, 1])
  expect(await recountAlerts(w.h.server.db)).toBe(0)
  expect(await forgetAlerts(w.h.server.db, new Date(), 400)).toBe(0)
})
