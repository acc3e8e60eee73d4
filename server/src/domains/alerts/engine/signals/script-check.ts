/** Rules that run a script of their own: what its last run on each device said. */
import type { Tx } from '../../../../kernel/db.ts'
import type { RuleOf } from '../../rule-rows.ts'
import type { CheckVerdict } from '../../tables.ts'
import { words } from '../describe.ts'
import type { Findings } from './facts.ts'

interface LastCheck {
  verdict: CheckVerdict
  exitCode: number | null
  output: string | null
  at: number
}
/** Rule → what it last said of the device. */
export type LastChecks = ReadonlyMap<string, LastCheck>

interface Row {
  rule_id: string
  device_id: string
  verdict: CheckVerdict
  exit_code: number | null
  output: string | null
  judged_at: Date
}

// Of a rule that has ended, nothing is known any more.
const LAST = `
  select s.rule_id, s.device_id, s.verdict, s.exit_code, s.output, s.judged_at
  from script_check_devices s join alert_rules r on r.id = s.rule_id and r.halted is null
  where s.device_id = any ($1::uuid[]) and s.verdict is not null`

export async function readLastChecks(tx: Tx, deviceIds: readonly string[]): Promise<Map<string, LastChecks>> {
  const rows = await tx.prepared<Row>('last_checks', LAST, [deviceIds])
  const ofDevice = ({ rule_id: rule, verdict, exit_code: exitCode, output, judged_at: at }: Row) =>
    [rule, { verdict, exitCode, output, at: at.getTime() }] as const
  return new Map([...Map.groupBy(rows, (row) => row.device_id)].map(([id, own]) => [id, new Map(own.map(ofDevice))]))
}

/** A check that was not made so many times in a row says nothing any more. */
const MISSED = 3

export function failedCheck(rule: RuleOf<'script_check'>, known: LastChecks | undefined, at: number): Findings | null {
  const last = known?.get(rule.id)
  const { interval_minutes: interval, script, timeout_seconds: timeout } = rule.condition
  if (!last || last.verdict === 'no_data') return null
  if (at - last.at > MISSED * interval * 60_000 + timeout * 1000) return null
  if (last.verdict === 'clear') return { found: new Map() }
  const describe = () => ({
    title: `Check failed: ${rule.name}`,
    detail: {
      exit_code: last.exitCode,
      checked_at: new Date(last.at).toISOString(),
      ...(script && { script: `${script.name}, version ${script.version}` }),
      device_text: { last_lines: words(last.output ?? '', 2000) },
    },
  })
  return { found: new Map([['', { severity: rule.severity, value: last.exitCode, describe }]]) }
}
