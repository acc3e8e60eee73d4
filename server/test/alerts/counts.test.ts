import { afterAll, beforeAll, expect, it } from 'vitest'
import { openAlerts } from '../../src/domains/alerts/counts.ts'
import { rowAccess } from '../../src/kernel/caller.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { alertRow } from './rows.ts'

let h: Harness
let acme: Organization
let globex: Organization

beforeAll(async () => {
  h = await boot()
  acme = await h.organization('Acme')
  globex = await h.organization('Globex')
})
afterAll(() => h.stop())

it('counts what is not resolved, names the worst, and sees no other organization', async () => {
  const [quiet, busy, foreign] = await Promise.all([
    h.device(acme, 'ACME-1'),
    h.device(acme, 'ACME-2'),
    h.device(globex, 'GLOBEX-1'),
  ])
  const place = { id: acme.id, siteId: acme.siteId }
  await alertRow(h, place, { device: busy, severity: 'low' })
  await alertRow(h, place, { device: busy, severity: 'critical', status: 'acknowledged' })
  await alertRow(h, place, { device: busy, severity: 'high', suppressed: 'parent' })
  await alertRow(h, place, { device: quiet, severity: 'critical', status: 'resolved' })
  await alertRow(h, { id: globex.id, siteId: globex.siteId }, { device: foreign })
  const caller = await h.caller(await h.key(await h.user('technician', acme.id), ['ai:read']))
  const counted = await h.server.db.tenant(rowAccess(caller, 'alerts.read'), (tx) =>
    openAlerts(tx, [quiet, busy, foreign]),
  )
  expect([...counted]).toEqual([[busy, { count: 3, worst: 'critical' }]])
})
