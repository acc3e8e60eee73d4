/** From an alert to a person: planned once, gathered, sent, tried again, and kept in the delivery log. */
import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemEnvironment } from '../../src/kernel/context.ts'
import type { Caller } from '../../src/kernel/caller.ts'
import { alertRow, type AlertRow } from '../alerts/rows.ts'
import { type Mailbox, mailbox } from '../console/mailbox.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { type Sink, startSink } from './sink.ts'

let world: Harness
let sink: Sink
let post: Mailbox
let contoso: Organization
let fabrikam: Organization
let admin: Caller
/** Of the server; moved by the tests alone. */
let clock = new Date('2026-11-26T12:00:00Z')
const pass = (seconds: number): void => {
  clock = new Date(clock.getTime() + seconds * 1000)
}

beforeAll(async () => {
  sink = await startSink()
  post = await mailbox()
  world = await boot({
    env: { BREEZE_WEBHOOK_HOSTS: '127.0.0.1', BREEZE_SMTP_URL: post.url },
    environment: { ...systemEnvironment, now: () => clock },
  })
  contoso = await world.organization('Contoso')
  fabrikam = await world.organization('Fabrikam')
  admin = await world.operator()
})
afterAll(async () => {
  await world?.stop()
  await sink?.close()
  await post?.close()
})
beforeEach(async () => {
  clock = new Date('2026-11-26T12:00:00Z')
  sink.received.length = 0
  sink.answer(200)
  await world.sql('delete from notification_channels')
  await world.sql('delete from notifications')
  await world.sql('delete from alerts')
})

async function call(tool: string, input: unknown): Promise<Record<string, unknown>> {
  const outcome = await world.invoke(admin, tool, input)
  if (outcome.status !== 'done') throw new Error(JSON.stringify(outcome))
  return outcome.data
}

async function channel(kind = 'webhook', more: Record<string, unknown> = {}) {
  const where = kind === 'email' ? { recipients: ['oncall@example.test'] } : { webhook_url: `${sink.url}/${kind}` }
  return call('manage_notification_channels', { action: 'create', name: `on call ${kind}`, kind, ...where, ...more })
}
const route = (more: Record<string, unknown> = {}) =>
  call('manage_notification_routes', {
    action: 'create',
    name: 'usual',
    channel: 'on call webhook',
    severity: 'low',
    ...more,
  })
const open = (row: AlertRow = {}) => alertRow(world, contoso, { openedAt: clock, ...row })
const happened = (alert: string, kind: string, detail: unknown = null) =>
  world.sql(
    `insert into alert_events (organization_id, site_id, alert_id, kind, at, detail)
     select organization_id, site_id, id, $2, $3, $4 from alerts where id = $1`,
    [alert, kind, clock, JSON.stringify(detail)],
  )
const resolve = async (alert: string) => {
  await world.sql(`update alerts set status = 'resolved', resolved_at = $2 where id = $1`, [alert, clock])
  await happened(alert, 'resolved')
}
const step = () => world.server.services.notifications.step()
const log = async () => (await call('list_notifications', {}))['notifications'] as Record<string, unknown>[]
const bodies = () => sink.received.map(({ body }) => JSON.parse(body) as Record<string, unknown>)

describe('a notification', () => {
  it('gathers what opens within the group wait, worst first, signed with the secret of its channel', async () => {
    const { secret } = await channel()
    await route()
    const device = await world.device(contoso, 'CONTOSO-PC-1')
    await open({ severity: 'low', title: 'Disk clean-up recommended on CONTOSO-PC-1', device })
    await step()
    pass(30)
    await open({ severity: 'critical', title: 'Disk C: of CONTOSO-DC-1 is at 97 %' })
    await step()
    expect(sink.received).toEqual([])
    pass(15)
    await step()
    expect(sink.received).toHaveLength(1)
    const [told] = sink.received
    const body = told?.body ?? ''
    const [, time, code] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(told?.headers['breeze-signature'])) ?? []
    expect(createHmac('sha256', String(secret)).update(`${time}.${body}`).digest('hex')).toBe(code)
    expect(bodies()[0]).toMatchObject({
      type: 'alerts',
      subject: '1 critical, 1 low at Contoso: Disk C: of CONTOSO-DC-1 is at 97 % and 1 more',
      alerts: [
        { severity: 'critical', device: null },
        { severity: 'low', device: { id: device, name: 'CONTOSO-PC-1' }, organization: { name: 'Contoso' } },
      ],
    })
    await step()
    expect(sink.received).toHaveLength(1)
    expect(await log()).toMatchObject([{ state: 'sent', alerts: 2, attempts: 1, route: 'usual' }])
  })

  it('tells nothing of what was suppressed, acknowledged or gone when it was due', async () => {
    await channel()
    await route()
    const [child, seen, gone] = [await open(), await open(), await open()]
    await step()
    await world.sql(`update alerts set suppressed = 'parent' where id = $1`, [child])
    await world.sql(`update alerts set status = 'acknowledged' where id = $1`, [seen])
    await resolve(gone)
    pass(60)
    await step()
    pass(60)
    await step()
    expect(sink.received).toEqual([])
    expect((await log()).map(({ state }) => state)).toEqual(['dropped', 'dropped'])
  })

  it('tells that an alert is over to those who were told that it began', async () => {
    await channel()
    await route()
    const alert = await open()
    await step()
    pass(60)
    await step()
    await resolve(alert)
    await step()
    pass(60)
    await step()
    expect(bodies().map(({ type }) => String(type))).toEqual(['alerts', 'resolved'])
  })

  it('waits for the end of the quiet hours, unless it is critical', async () => {
    await channel()
    await route({ quiet_hours: { time_zone: 'UTC', from: '11:00', to: '13:00' } })
    await open({ severity: 'high', title: 'High' })
    await step()
    pass(60)
    await step()
    expect(sink.received).toEqual([])
    await open({ severity: 'critical', title: 'Critical' })
    await step()
    pass(60)
    await step()
    expect(bodies()[0]?.['alerts']).toMatchObject([{ title: 'Critical' }, { title: 'High' }])
    await open({ severity: 'medium', title: 'Medium' })
    await step()
    pass(3600)
    await step()
    expect(bodies()[1]?.['alerts']).toMatchObject([{ title: 'Medium' }])
  })

  it('comes again while nobody acknowledges, and escalates after the time that the route says', async () => {
    await channel()
    await route({ remind_after_minutes: 10 })
    await channel('slack')
    await route({ name: 'manager', channel: 'on call slack', escalate_after_minutes: 15, group_wait_seconds: 0 })
    const alert = await open()
    for (let minute = 0; minute < 26; minute += 1) {
      await step()
      pass(60)
    }
    const paths = sink.received.map(({ path }) => path)
    expect(paths.filter((path) => path === '/slack')).toHaveLength(1)
    expect(bodies().filter(({ type }) => type === 'reminder').length).toBe(2)
    await world.sql(`update alerts set status = 'acknowledged' where id = $1`, [alert])
    pass(3600)
    await step()
    pass(3600)
    await step()
    expect(sink.received).toHaveLength(paths.length)
  })

  it('goes to a route for escalations at once when somebody escalates', async () => {
    await channel()
    await route({ escalate_after_minutes: 600, group_wait_seconds: 0 })
    const alert = await open()
    await step()
    await step()
    expect(sink.received).toEqual([])
    await happened(alert, 'escalated')
    await step()
    expect(bodies()[0]?.['subject']).toMatch(/^Nobody acknowledged: \[high]/)
  })

  it('is tried again where it failed, with the reason in the log, and given up in the end', async () => {
    await channel()
    await route({ group_wait_seconds: 0 })
    sink.answer(503)
    await open()
    await step()
    expect(await log()).toMatchObject([{ state: 'retrying', attempts: 1, reason: 'it answered 503' }])
    for (let turn = 0; turn < 8; turn += 1) {
      pass(7200)
      await step()
    }
    expect(await log()).toMatchObject([{ state: 'failed', attempts: 6 }])
    expect(sink.received).toHaveLength(6)
    expect(await call('list_notification_channels', {})).toMatchObject({
      channels: [{ last: { state: 'failed', reason: 'it answered 503' } }],
    })
  })

  it('follows no redirect', async () => {
    await channel()
    sink.answer(302, { location: `${sink.url}/elsewhere` })
    const tested = await call('manage_notification_channels', { action: 'test', channel: 'on call webhook' })
    expect(tested).toMatchObject({ arrived: false, reason: 'it answered 302' })
    expect(sink.received.map(({ path }) => path)).toEqual(['/webhook'])
  })

  it('whose sender was killed is sent by the next, and events are planned once by two at a time', async () => {
    await channel()
    await route({ group_wait_seconds: 0 })
    await open()
    await step()
    await world.sql(`update notifications set state = 'sending', due_at = $1`, [clock])
    await step()
    expect(sink.received).toHaveLength(2)
    expect(new Set(sink.received.map(({ headers }) => headers['breeze-notification'])).size).toBe(1)
    const planned = await world.sql('select 1 from alert_events where planned_at is null')
    expect(planned).toEqual([])
  })

  it('reaches mail, Teams and Slack in their own forms', async () => {
    for (const kind of ['email', 'teams', 'slack']) {
      await channel(kind)
      await route({ name: kind, channel: `on call ${kind}`, group_wait_seconds: 0 })
    }
    await open({ title: 'Service <MSSQLSERVER> stopped' })
    await step()
    const [teams, slack] = ['/teams', '/slack'].map(
      (path) => sink.received.find((one) => one.path === path)?.body ?? '',
    )
    expect(JSON.parse(teams ?? '').attachments[0].content).toMatchObject({ type: 'AdaptiveCard' })
    expect(JSON.parse(slack ?? '').text).toContain('&lt;MSSQLSERVER&gt;')
    const [letter] = post.mails
    expect(letter?.to).toEqual(['oncall@example.test'])
    expect(letter?.text).toContain('[high] Service <MSSQLSERVER> stopped (Contoso)')
  })

  it('of one customer goes to no route of another', async () => {
    await channel()
    await route({ organization: fabrikam.id, group_wait_seconds: 0 })
    await open()
    await step()
    expect(await log()).toEqual([])
  })
})

describe('a channel', () => {
  it.each([
    ['https://user:pw@example.test/', /user or password/],
    ['http://example.test/', /must be https/],
    ['ftp://example.test/', /must be an https URL/],
    ['nothing', /must be an https URL/],
  ])('refuses the address %s', async (webhook_url, complaint) => {
    const outcome = await world.invoke(admin, 'manage_notification_channels', {
      action: 'create',
      name: 'bad',
      kind: 'webhook',
      webhook_url,
    })
    expect(outcome).toMatchObject({ status: 'refused', denial: { code: 'invalid_input' } })
    expect(JSON.stringify(outcome)).toMatch(complaint)
  })

  it('in a private network is reached only where the operator named its host', async () => {
    await channel('webhook', { webhook_url: 'https://169.254.169.254/latest', name: 'metadata' })
    const tested = await call('manage_notification_channels', { action: 'test', channel: 'metadata' })
    expect(tested['reason']).toMatch(/private network/)
  })

  it('keeps its address and secret sealed, out of lists, the audit and the database in the clear', async () => {
    const { secret } = await channel('webhook', { webhook_url: `${sink.url}/hidden-part` })
    await call('list_notification_channels', {})
    const entries = await world
      .sql('select input::text, outcome from audit_entries')
      .catch(() => world.sql('select to_jsonb(t)::text as input from audit_entries t'))
    const rows = await world.sql('select to_jsonb(c)::text as row from notification_channels c')
    const everything = JSON.stringify([entries, rows, await call('list_notification_channels', {})])
    expect(everything).not.toContain('hidden-part')
    expect(everything).not.toContain(String(secret))
  })

  it('of another organization serves no route', async () => {
    await channel('webhook', { organization: contoso.id })
    const outcome = await world.invoke(admin, 'manage_notification_routes', {
      action: 'create',
      name: 'stray',
      channel: 'on call webhook',
      organization: fabrikam.id,
    })
    expect(outcome).toMatchObject({ status: 'failed', denial: { code: 'invalid_input' } })
  })

  it('is for those who have all of its organization: at one site nobody routes away what the others are told', async () => {
    const limited = await world.user('organization_admin', contoso.id, [contoso.siteId])
    const caller = await world.caller(await world.key(limited, ['ai:execute']))
    const make = { name: 'mine', kind: 'webhook', webhook_url: `${sink.url}/mine`, organization: contoso.id }
    const here = { organization: contoso.id }
    await channel('webhook', here)
    await route(here)
    for (const [tool, input] of [
      ['manage_notification_channels', { action: 'create', ...make }],
      ['manage_notification_channels', { action: 'delete', channel: 'on call webhook' }],
      ['manage_notification_routes', { action: 'create', name: 'mine', channel: 'on call webhook', ...here }],
      ['manage_notification_routes', { action: 'update', route: 'usual', enabled: false }],
    ] as const)
      expect([tool, input.action, await world.invoke(caller, tool, input)]).toMatchObject([
        tool,
        input.action,
        { denial: { code: 'not_found' } },
      ])
    expect(await world.sql('select name, enabled from notification_routes')).toEqual([{ name: 'usual', enabled: true }])
  })
})
