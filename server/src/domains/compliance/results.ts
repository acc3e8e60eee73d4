/** Verdicts become rows; a row is written only when it says something else than before. */
import { createHash } from 'node:crypto'
import type { Tx } from '../../kernel/db.ts'
import { CHECK_IDS, CHECKS } from './checks/all.ts'
import type { Check, Rules, Verdict } from './checks/check.ts'
import { CATALOGUE, CODE_SQL } from './codes.ts'
import type { Subject } from './loading.ts'

export interface Judged {
  deviceId: string
  verdicts: { check: Check; verdict: Verdict }[]
  /** Of the verdicts, their rules and where the device is. */
  digest: string
  /** That of the last time. */
  before: string | null
}

export function judge({ id, organizationId, siteId, facts, digest: before }: Subject, rules: Rules): Judged {
  const verdicts = CHECKS.map((check) => ({ check, verdict: check.judge(facts, rules) }))
  const told = [CATALOGUE, organizationId, siteId, verdicts.map(({ verdict }) => verdict)]
  const digest = createHash('sha256').update(JSON.stringify(told)).digest('base64url').slice(0, 22)
  return { deviceId: id, verdicts, digest, before }
}

const WRITE = `
  insert into compliance_results as r
    (device_id, check_id, organization_id, site_id, check_version, result, reason, seen, items, source, collected_at, since)
  select d.id, v.check_id, d.organization_id, d.site_id, v.check_version, v.result, v.reason, v.seen, v.items, v.source,
    v.collected_at, $2
  from jsonb_to_recordset($1::jsonb) as v (device_id uuid, check_id text, check_version integer, result text, reason text,
      seen text, items jsonb, source text, collected_at timestamptz)
    join devices d on d.id = v.device_id and d.removed_at is null
  order by d.id, v.check_id
  on conflict (device_id, check_id) do update set
    organization_id = excluded.organization_id, site_id = excluded.site_id, check_version = excluded.check_version,
    result = excluded.result, reason = excluded.reason, seen = excluded.seen, items = excluded.items, source = excluded.source,
    collected_at = excluded.collected_at,
    since = case when r.result = excluded.result then r.since else excluded.since end
  where (r.organization_id, r.site_id, r.check_version, r.result, r.reason, r.seen, r.items, r.source, r.collected_at)
    is distinct from (excluded.organization_id, excluded.site_id, excluded.check_version, excluded.result, excluded.reason,
      excluded.seen, excluded.items, excluded.source, excluded.collected_at)`

// Derived from the rows, whatever changed them.
const STANDING = `
  update compliance_evaluations e set standing = s.standing from (
    select r.device_id, string_agg(${CODE_SQL}, '' order by array_position($2::text[], r.check_id)) as standing
    from compliance_results r where r.device_id = any ($1::uuid[]) and r.check_id = any ($2) group by r.device_id) s
  where e.device_id = s.device_id and e.standing is distinct from s.standing`

const EVALUATED = `
  insert into compliance_evaluations (device_id, organization_id, site_id, evaluated_at, catalogue, digest)
  select d.id, d.organization_id, d.site_id, $3, $4, v.digest
  from unnest($1::uuid[], $2::text[]) as v (id, digest) join devices d on d.id = v.id and d.removed_at is null order by d.id
  on conflict (device_id) do update set
    organization_id = excluded.organization_id, site_id = excluded.site_id, evaluated_at = excluded.evaluated_at,
    catalogue = excluded.catalogue, digest = excluded.digest`

/** Devices whose digest is still the same need no more than to be told as looked at. */
export async function writeResults(tx: Tx, now: Date, judged: readonly Judged[]): Promise<void> {
  const changed = judged.filter(({ digest, before }) => digest !== before)
  if (changed.length > 0) await tx.prepared('compliance_write', WRITE, [JSON.stringify(changed.flatMap(rowsOf)), now])
  const ids = judged.map(({ deviceId }) => deviceId)
  const digests = judged.map(({ digest }) => digest)
  await tx.prepared('compliance_evaluated', EVALUATED, [ids, digests, now, CATALOGUE])
  await writeStandings(
    tx,
    changed.map(({ deviceId }) => deviceId),
  )
}

export async function writeStandings(tx: Tx, deviceIds: readonly string[]): Promise<void> {
  if (deviceIds.length > 0) await tx.prepared('compliance_standing', STANDING, [deviceIds, CHECK_IDS])
}

const rowsOf = ({ deviceId, verdicts }: Judged) =>
  verdicts.map(({ check, verdict }) => ({
    device_id: deviceId,
    check_id: check.id,
    check_version: check.version,
    result: verdict.result,
    reason: verdict.reason,
    seen: verdict.seen,
    items: verdict.items,
    source: verdict.source,
    collected_at: verdict.collectedAt,
  }))

/** Of devices that were removed, and of checks that there are no more. */
export async function forgetResults(tx: Tx): Promise<void> {
  await tx.prepared(
    'compliance_forget',
    `delete from compliance_results r using devices d
     where d.id = r.device_id and (d.removed_at is not null or r.check_id <> all ($1::text[]))`,
    [CHECK_IDS],
  )
  await tx.prepared(
    'compliance_forget_evaluations',
    'delete from compliance_evaluations e using devices d where d.id = e.device_id and d.removed_at is not null',
    [],
  )
}
