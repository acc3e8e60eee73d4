/** The demo fleet's stories, one after the other on one server: told by devices, found out by it, asked of it over MCP. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AlertsAnswer, type Assistant, assistantOf } from './asked.ts'
import { tellFleet, type ToldFleet } from './told.ts'

let told: ToldFleet
let assistant: Assistant
beforeAll(async () => {
  told = await tellFleet()
  assistant = await assistantOf(told.world)
}, 120_000)
afterAll(async () => {
  await assistant?.close()
  await told?.stop()
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
  }, 60_000)

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
