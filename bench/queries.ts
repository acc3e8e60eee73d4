/** What people ask in the morning, over 10,000 devices with 20,000 unresolved alerts: one call after the other. */
import { Pool } from 'pg'
import type { Connection } from '../server/src/database/logins.ts'
import { rest } from './cases.ts'
import { ask, load, percentile } from './client.ts'

const OPEN_ALERTS = 20_000
const OLD_ALERTS = 50_000

interface Query {
  tool: string
  input: Record<string, unknown>
  /** What its median must stay under. */
  p50Ms: number
}

const QUERIES: readonly Query[] = [
  { tool: 'get_alerts', input: {}, p50Ms: 25 },
  { tool: 'get_alerts', input: { since: '12h' }, p50Ms: 25 },
  { tool: 'get_alerts', input: { severity: 'critical', status: 'open' }, p50Ms: 25 },
  { tool: 'fleet_health_check', input: {}, p50Ms: 25 },
  { tool: 'list_devices', input: {}, p50Ms: 25 },
]

export interface QueryReport {
  what: string
  calls: number
  p50: number
  p95: number
  limitMs: number
  characters: number
}

export async function measureQueries(
  owner: Connection,
  { server, key, roundMs }: { server: string; key: string; roundMs: number },
): Promise<QueryReport[]> {
  await seedAlerts(owner)
  const reports: QueryReport[] = []
  for (const { tool, input, p50Ms } of QUERIES) {
    const target = rest(server, key, 'POST', `/${tool}`, input)
    const { length } = await ask(target)
    await load(target, 1, roundMs)
    const { calls, latencies } = await load(target, 1, 4 * roundMs)
    const what = `${tool} ${JSON.stringify(input)}`
    const [p50, p95] = [percentile(latencies, 0.5), percentile(latencies, 0.95)]
    reports.push({ what, calls, p50, p95, limitMs: p50Ms, characters: length })
  }
  return reports
}

const DETAIL = `jsonb_build_object('value', 97, 'threshold', 90, 'unit', '%',
  'device_text', jsonb_build_object('processes', repeat('postgres: checkpointer ', 20)))`

/** A tenth of them under another one, the worst being the fewest. */
const insert = (most: number, status: string, spread: string): string => `
  insert into alerts (id, organization_id, site_id, device_id, signal, instance, severity, status, state, title, detail, opened_at,
    last_seen_at, resolved_at, suppressed)
  select gen_random_uuid(), d.organization_id, d.site_id, d.id, 'metric', '/' || n, (array['critical', 'high', 'high', 'medium',
    'medium', 'medium', 'low', 'low', 'low', 'info'])[1 + floor(random() * 10)::integer], '${status}',
    case when '${status}' = 'resolved' then 'clear' else 'firing' end, 'Disk / is nearly full', ${DETAIL},
    now() - random() * interval '${spread}', now(), case when '${status}' = 'resolved' then now() end,
    case when random() < 0.1 then 'parent' end
  from devices d, generate_series(1, 10) n where d.removed_at is null order by n, d.id limit ${most}`

/** Two alerts a device, and besides what is over. */
async function seedAlerts(owner: Connection): Promise<void> {
  const pool = new Pool({ ...owner, max: 1 })
  try {
    await pool.query(insert(OPEN_ALERTS, 'open', '3 days'))
    await pool.query(insert(OLD_ALERTS, 'resolved', '90 days'))
    await pool.query(`
      insert into device_patch_state (device_id, organization_id, site_id, state, lists_updated_at, missing, missing_security,
        missing_unrated, failed, history_known, changed_at)
      select id, organization_id, site_id, case when random() < 0.8 then 'up_to_date' else 'missing' end, now(), 0, 0, 0, 0, true, now()
      from devices where removed_at is null on conflict do nothing`)
    await pool.query('vacuum analyze')
  } finally {
    await pool.end()
  }
}
