import { sql } from 'kysely'
import { z } from 'zod'
import { listInput, listOutput, pageEnd, pageStart, referenceField } from '../../../identity/fields.ts'
import { rowAccess } from '../../../kernel/caller.ts'
import { isInstant } from '../../../kernel/cursor.ts'
import { query } from '../../../kernel/db.ts'
import { invalidInput } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { countRows } from '../../../kernel/totals.ts'
import { findOrganization } from '../../organizations/service.ts'
import '../tables.ts'

const place = z.object({ id: z.string(), name: z.string() })
const token = z.object({
  id: z.string(),
  organization: place,
  site: place,
  uses_left: z.number().int(),
  simulated: z.boolean(),
  requires_approval: z.boolean(),
  state: z.enum(['open', 'used_up', 'expired']),
  expires_at: z.string(),
  created_at: z.string(),
})

const NONE = '00000000-0000-0000-0000-000000000000'
const made = sql<string>`to_char(t.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

export default defineTool({
  name: 'list_enrollment_tokens',
  title: 'List enrollment tokens',
  description:
    'Lists the enrollment tokens of your sites, newest first, with what is left of them. Never shows a secret. Reads only.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 1, permission: 'enrollment.write' },
  input: z.object({ organization: referenceField.optional().describe('Id or name.'), ...listInput }),
  output: z.object({ enrollment_tokens: z.array(token), ...listOutput }),
  async run({ tx, caller, now }, input) {
    const { organization } = input
    const organizationId =
      organization === undefined ? undefined : (await findOrganization(tx, caller, 'enrollment.write', organization)).id
    const filter = { organizationId }
    const after = pageStart('enrollment_tokens', filter, input.cursor)
    if (after && !isInstant(after[0])) throw invalidInput('cursor: this is not a cursor of this list.')
    const access = rowAccess(caller, 'enrollment.write')
    let base = query
      .selectFrom('enrollment_tokens as t')
      .innerJoin('organizations as o', 'o.id', 't.organization_id')
      .innerJoin('sites as s', 's.id', 't.site_id')
      .where((e) =>
        e.or([
          e('t.organization_id', 'in', access.whole.length > 0 ? [...access.whole] : [NONE]),
          e('t.site_id', 'in', access.sites.length > 0 ? [...access.sites] : [NONE]),
        ]),
      )
    if (organizationId !== undefined) base = base.where('t.organization_id', '=', organizationId)
    let page = base
      .select([
        't.id',
        't.uses_left',
        't.simulated',
        't.requires_approval',
        't.expires_at',
        't.created_at',
        't.organization_id',
        't.site_id',
      ])
      .select(['o.name as organization_name', 's.name as site_name', made.as('made')])
      .orderBy('t.created_at', 'desc')
      .orderBy('t.id', 'desc')
      .limit(input.limit + 1)
    if (after) page = page.where(sql<boolean>`(t.created_at, t.id) < (${after[0]}::timestamptz, ${after[1]}::uuid)`)
    const rows = await tx.all(page)
    const counted = await countRows(tx, base.select('t.id'))
    const last = rows[input.limit - 1]
    const next: [string, string] | null = rows.length > input.limit && last ? [last.made, last.id] : null
    return {
      rows: rows.slice(0, input.limit),
      now: now(),
      page: pageEnd('enrollment_tokens', filter, counted, next),
    }
  },
  present: ({ rows, now, page }) => ({
    text: `${page.total} enrollment tokens; ${rows.length} shown, newest first.`,
    data: {
      enrollment_tokens: rows.map((row) => ({
        id: row.id,
        organization: { id: row.organization_id, name: row.organization_name },
        site: { id: row.site_id, name: row.site_name },
        uses_left: row.uses_left,
        simulated: row.simulated,
        requires_approval: row.requires_approval,
        state:
          row.expires_at <= now ? ('expired' as const) : row.uses_left === 0 ? ('used_up' as const) : ('open' as const),
        expires_at: row.expires_at.toISOString(),
        created_at: row.created_at.toISOString(),
      })),
      ...page,
    },
  }),
})
