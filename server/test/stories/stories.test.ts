/** The demo fleet's stories, one after the other on one server: told by devices, found out by it, asked of it over MCP. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Sink, startSink } from '../notifications/sink.ts'
import { type AlertsAnswer, type Assistant, assistantOf } from './asked.ts'
import { tellFleet, type ToldFleet } from './told.ts'

let told: ToldFleet
let assistant: Assistant
let sink: Sink
beforeAll(async () => {
  sink = await startSink()
  told = await tellFleet({ BREEZE_WEBHOOK_HOSTS: '127.0.0.1' })
  assistant = await assistantOf(told.world)
}, 180_000)
afterAll(async () => {
  await assistant?.close()
  await told?.stop()
  await sink?.close()
})

const clock = (at: string): string => at.slice(11, 16)
/** Of which device, what, and since which minute. */
const heads = ({ alerts }: AlertsAnswer) =>
  alerts.map(({ device, title, opened_at: at }) => [device?.name, title, clock(at)])
const MOST_TOKENS = 4000

describe('morning', () => {
  const tokens = { online: 0, critical: 0, triage: 0 }

  beforeAll(async () => {
    told.play('morning')
    // A device that was away is believed after a minute.
    await told.pass(2)
  }, 120_000)

  it('tells how many devices are online, and where the others are', async () => {
    const answer = await assistant.devices({ limit: 0 })
    tokens.online = answer.tokens
    expect(answer.data).toMatchObject({ total: 147, counts: { online: 132, offline: 12, pending: 3 }, devices: [] })
    expect(answer.data.offline_sites[0]).toMatchObject({ name: 'Contoso - Branch Office', offline: 9 })
    expect(answer.text).toMatch(
      /^147 devices: 132 online, 12 offline \(9 at Contoso - Branch Office, 1 at .*\), 3 pending\.$/,
    )
  })

  it('tells the critical alerts of the last 24 hours', async () => {
    const answer = await assistant.alerts({ severity: 'critical', since: '24h' })
    tokens.critical = answer.tokens
    expect(answer.data.total).toBe(2)
    expect(heads(answer.data)).toEqual([
      ['Contoso-SQL-02', 'Service MSSQLSERVER stopped', '04:47'],
      ['ACME-DC-01', String.raw`C:\ is 97 % full`, '03:12'],
    ])
  })

  it('tells of the night: 2 critical, 5 high and 11 low alerts, and which devices need attention first', async () => {
    const answer = await assistant.alerts()
    tokens.triage = answer.tokens
    const { data, text } = answer
    expect(text).toMatch(/^18 unresolved alerts: 2 critical, 5 high, 11 low\.\n/)
    expect(data.counts).toEqual({ critical: 2, high: 5, medium: 0, low: 11, info: 0 })
    expect(data.attention?.map(({ name }) => name)).toEqual([
      'ACME-DC-01',
      'Contoso-SQL-02',
      'ACME-PC-05',
      'Contoso-PC-01',
      'Contoso-PC-02',
      'Contoso-PC-03',
      'Contoso-PC-22',
    ])
    expect(new Set(data.attention?.map(({ status }) => status))).toEqual(new Set(['online']))
    const of = (severity: string, source: string) =>
      data.alerts.filter((alert) => alert.severity === severity && alert.source === source)
    expect(of('high', 'patch_failed')).toHaveLength(3)
    const busy = of('high', 'metric')
    expect(busy.map(({ opened_at: at }) => clock(at))).toEqual(['02:00', '02:00'])
    expect(of('low', 'metric').map(({ title }) => title)).toEqual(
      Array.from({ length: 6 }, () => expect.stringMatching(/^Disk clean-up recommended: C:\\ is \d\d % full$/)),
    )
    const days = of('low', 'certificate_expiring').map(({ value }) => value)
    expect(days.toSorted()).toEqual([33, 38, 42, 47, 55])
  })

  it('needs less than 4,000 tokens for all three answers', () => {
    expect(Object.values(tokens).every((count) => count > 0)).toBe(true)
    expect(tokens.online + tokens.critical + tokens.triage).toBeLessThan(MOST_TOKENS)
  })
})

describe('patch-night', () => {
  it("tells that of Contoso's 89 devices 74 are fully patched, 12 lack one or two updates and 3 failed", async () => {
    told.play('patch-night')
    const { data, text } = await assistant.patches({ organization: 'Contoso' })
    expect(text).toMatch(
      /^89 devices: 74 \(83 %\) fully patched, 12 lacking 1–2 updates, 3 failed, 0 unknown\.\nMostly lacking: KB5034441 \(security\) on 14 devices, released 3 days ago/,
    )
    expect(data).toMatchObject({
      counts: { devices: 89, up_to_date: 74, missing: 12, failed: 3, unknown: 0 },
      patched_percent: 83,
      total: 15,
    })
    const of = (state: string) => data.devices.filter((device) => device.state === state)
    const lacking = of('missing')
    expect(lacking).toHaveLength(12)
    expect(lacking.filter(({ updates }) => updates.includes('KB5034441'))).toHaveLength(11)
    expect(lacking.map(({ missing }) => missing).toSorted()).toEqual([...Array(10).fill(1), 2, 2])
    expect(of('failed').map(({ name, failures }) => [name, failures])).toEqual(
      ['Contoso-PC-01', 'Contoso-PC-02', 'Contoso-PC-03'].map((name) => [
        name,
        [{ update: 'KB5034441', at: expect.any(String), reason: expect.stringContaining('0x80070643') }],
      ]),
    )
    const failed = await assistant.patches({ organization: 'Contoso', state: 'failed' })
    expect(failed.data.total).toBe(3)
  })
})

describe('dc-degraded', () => {
  const device = 'ACME-DC-01'

  beforeAll(async () => {
    told.play('dc-degraded')
    // Three slow answers make a slow device.
    await told.pass(4)
  }, 120_000)

  it('shows a device that is online, and slower than it usually is', async () => {
    const { data, text } = await assistant.ask('get_device_details', { device })
    expect(data).toMatchObject({ status: 'online', conditions: ['degraded'], open_alerts: 3 })
    expect(text).toMatch(/^Response time 1\d{3}(\.\d)? ms, usually \d+(\.\d)? ms: elevated\.$/m)
    expect(text).toMatch(/^disks: C:\\ 97 % of /m)
  })

  it('tells of the full disk, of replication and of names, each since it began', async () => {
    const { data } = await assistant.alerts({ device })
    expect(data.counts).toMatchObject({ critical: 3 })
    expect(heads(data)).toEqual([
      [device, 'Active Directory replication failing', '03:51'],
      [device, 'DNS resolution failing on a domain controller', '03:48'],
      [device, String.raw`C:\ is 97 % full`, '03:12'],
    ])
    expect(data.alerts.map(({ state }) => state)).toEqual([undefined, undefined, undefined])
  })

  it('reads why from the last 50 entries of its event log', async () => {
    const { data, text } = await assistant.ask('get_event_logs', { device, limit: 50 })
    expect(data).toMatchObject({ state: 'read', more: true })
    expect(data['entries']).toHaveLength(50)
    for (const cause of [
      'could not extend the file "C:\\Windows\\NTDS\\ntds.dit": there is not enough space on the disk',
      'Replication failed with error 8409',
      'Name resolution failed for acme.example',
    ])
      expect(text).toContain(cause)
  })
})

/** Everything from high upwards, at once, to the sink. */
async function tellMe(): Promise<void> {
  const channel = { action: 'create', name: 'on call', kind: 'webhook', webhook_url: `${sink.url}/on-call` }
  await told.call('manage_notification_channels', channel)
  const route = { action: 'create', name: 'usual', channel: 'on call', severity: 'high', tells_resolved: true }
  await told.call('manage_notification_routes', route)
}

interface Told {
  type: string
  alerts: { title: string; device: { name: string } | null }[]
}
const messages = () => sink.received.map(({ body }) => JSON.parse(body) as Told)

describe('flapping', () => {
  const device = 'Contoso-WEB-01'
  let story: ReturnType<ToldFleet['play']>

  beforeAll(async () => {
    await tellMe()
    story = told.play('flapping', { everyMs: 120_000 })
    await told.pass(62)
  }, 600_000)
  afterAll(async () => {
    await story.end()
    told.simulation.device(device)?.tellService('apache2', 'running')
  })

  it('tells twice in an hour that a service is down: once that it stopped, once that it comes and goes', async () => {
    expect(messages().map(({ type, alerts }) => [type, alerts.map((alert) => alert.device?.name)])).toEqual([
      ['alerts', [device]],
      ['alerts', [device]],
    ])
    const { data, text } = await assistant.alerts({ device, source: 'service_stopped' })
    expect(data.alerts).toMatchObject([{ title: 'Service apache2 stopped', state: 'flapping' }])
    expect(text).toContain('comes and goes')
  })
})

describe('site-outage', () => {
  const SERVERS = 12
  let over: Promise<void>

  beforeAll(async () => {
    sink.received.length = 0
    over = told.play('site-outage', { downMs: 480_000 }).over
    await told.pass(7)
  }, 120_000)

  it("is one alert, with its servers' own under it", async () => {
    const { data } = await assistant.alerts({ organization: 'Contoso', source: ['site_offline', 'device_offline'] })
    expect(data.alerts).toMatchObject([
      {
        // At the moment when there was no doubt any more.
        title: expect.stringMatching(/^Site offline: \d+ of 12 devices fell silent at once$/),
        site: 'Contoso - Headquarters',
        stands_for: SERVERS,
      },
    ])
    const folded = await assistant.alerts({ organization: 'Contoso', source: 'device_offline', suppressed: true })
    expect(folded.data.total).toBe(SERVERS)
  })

  it('is told once, and once that it is over', async () => {
    expect(messages()).toMatchObject([{ type: 'alerts', alerts: [{ device: null }] }])
    await told.pass(2)
    await over
    await told.pass(7)
    expect(messages()).toMatchObject([{ type: 'alerts' }, { type: 'resolved', alerts: [{ device: null }] }])
    const { data } = await assistant.alerts({ source: ['site_offline', 'device_offline'], suppressed: true })
    expect(data.total).toBe(0)
    expect((await assistant.devices({ limit: 0 })).data.counts).toMatchObject({ online: 132 })
  }, 120_000)
})
