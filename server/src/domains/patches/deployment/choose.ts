/** Which updates a deployment is about, device by device: what they lack, as far as it was asked for and nothing stands against it. */
import { MOST_UPDATES_AT_ONCE } from '@breeze/contract/agent-commands'
import { sql } from 'kysely'
import { query, type Tx } from '../../../kernel/db.ts'
import { invalidInput } from '../../../kernel/errors.ts'
import type { UpdateSeverity } from '../tables.ts'
import { type PatchRule, type Standing, standing } from './rules.ts'
import type { ChosenUpdate } from './task.ts'

export interface Wish {
  /** Names or articles; naming one approves it, unless it is blocked. */
  named?: readonly string[] | undefined
  severities?: readonly UpdateSeverity[] | undefined
  securityOnly: boolean
}

export interface Choice {
  updates: Map<string, ChosenUpdate[]>
  /** Updates of devices that were left out, by why. */
  left: Record<Exclude<Standing, 'approved'>, number>
}

interface Row {
  device_id: string
  organization_id: string
  name: string
  article: string | null
  available: string
  manager: string | null
  security: boolean | null
  severity: UpdateSeverity | null
  first_seen_at: Date
}

/** Read for one call; a selection beyond it is too wide to be looked at by anybody. */
const MOST_ROWS = 100_000

export async function chooseUpdates(
  tx: Tx,
  deviceIds: readonly string[],
  wish: Wish,
  rules: readonly PatchRule[],
  now: Date,
): Promise<Choice> {
  const rows = await lacking(tx, deviceIds, wish)
  const choice: Choice = { updates: new Map(), left: { blocked: 0, not_yet: 0, not_approved: 0 } }
  const isNamed = wish.named !== undefined
  for (const row of rows) {
    const judged = standing(rules, row.organization_id, { ...row, firstSeenAt: row.first_seen_at }, now)
    if (judged !== 'approved' && (judged === 'blocked' || !isNamed)) {
      choice.left[judged] += 1
      continue
    }
    const chosen = choice.updates.get(row.device_id) ?? []
    if (chosen.length < MOST_UPDATES_AT_ONCE) chosen.push(chosenOf(row))
    choice.updates.set(row.device_id, chosen)
  }
  return choice
}

/** Windows names an update by its article and the revision of its id, which is no version to ask for. */
function chosenOf({ name, available, article, manager }: Row): ChosenUpdate {
  const version = manager === 'windows' ? null : available
  return { name, version, ...(article !== null && { article }) }
}

async function lacking(tx: Tx, deviceIds: readonly string[], wish: Wish): Promise<Row[]> {
  const names = wish.named?.map((name) => name.toLowerCase())
  const built = sql<Row>`
    select u.device_id, u.organization_id, u.name, u.article, u.available, ps.manager, u.security, u.severity, u.first_seen_at
    from device_updates u left join device_patch_state ps on ps.device_id = u.device_id
    where u.device_id = any (${[...deviceIds]}::uuid[])
      ${names ? sql`and (lower(u.name) = any (${names}::text[]) or lower(u.article) = any (${names}::text[]))` : sql``}
      ${wish.severities ? sql`and u.severity = any (${[...wish.severities]}::text[])` : sql``}
      ${wish.securityOnly ? sql`and u.security` : sql``}
    order by u.device_id, u.security desc nulls last, u.name, u.key limit ${MOST_ROWS + 1}`
  const rows = await tx.all<Row>({ compile: () => built.compile(query) })
  if (rows.length > MOST_ROWS)
    throw invalidInput('Too many updates on too many devices for one call.', 'Name updates, or fewer devices.')
  return rows
}
