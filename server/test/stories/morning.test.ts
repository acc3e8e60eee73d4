import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../agents/fleet.ts'
import { tell, type ToldFleet } from './told.ts'

let told: ToldFleet
beforeAll(async () => {
  told = await tell('morning')
}, 180_000)
afterAll(() => told?.stop())

const alerts = () =>
  told.world.sql<{ severity: string; signal: string; title: string; opened_at: Date; device: string }>(
    `select a.severity, a.signal, a.title, a.opened_at, d.name as device from alerts a left join devices d on d.id = a.device_id
     where a.status = 'open' order by a.opened_at`,
  )

test('the server finds out 2 critical, 5 high and 11 low alerts by itself', async () => {
  await until(async () => (await alerts()).length >= 18, 240_000).catch(() => undefined)
  const found = await alerts()
  const count = (severity: string) => found.filter((alert) => alert.severity === severity).length
  expect([count('critical'), count('high'), count('medium'), count('low'), count('info')]).toEqual([2, 5, 0, 11, 0])
  const clock = ({ opened_at: at }: { opened_at: Date }) => at.toISOString().slice(11, 16)
  expect(
    found.filter(({ severity }) => severity === 'critical').map((one) => [one.device, one.title, clock(one)]),
  ).toEqual([
    ['ACME-DC-01', String.raw`C:\ is 97 % full`, '03:12'],
    ['Contoso-SQL-02', 'Service MSSQLSERVER stopped', '04:47'],
  ])
  const busy = found.filter(({ severity, signal }) => severity === 'high' && signal === 'metric')
  expect(busy.map(clock)).toEqual(['02:00', '02:00'])
  expect(found.filter(({ signal }) => signal === 'patch_failed')).toHaveLength(3)
  const low = found.filter(({ severity }) => severity === 'low').map(({ signal }) => signal)
  expect([
    low.filter((signal) => signal === 'metric').length,
    low.filter((signal) => signal === 'certificate_expiring').length,
  ]).toEqual([6, 5])
}, 300_000)
