import { CHANNELS } from '@breeze/contract/governance'
import { z } from 'zod'
import { isInstant, makeCursor, readCursor } from '../../../kernel/cursor.ts'
import { invalidInput } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { auditPage, type AuditFilter } from '../service.ts'

const many = <T extends z.ZodType>(item: T) => z.union([item, z.array(item).max(50)])
/** A list of nothing filters nothing. */
function asList<T>(value: T | T[] | undefined): T[] | undefined {
  if (!Array.isArray(value)) return value === undefined ? undefined : [value]
  return value.length > 0 ? value : undefined
}

const entry = z.object({
  id: z.string(),
  at: z.string(),
  kind: z.string(),
  actor: z.string().nullable(),
  credential: z.string().nullable(),
  client: z.string().nullable(),
  channel: z.string().nullable(),
  organization: z.string().nullable(),
  tool: z.string().nullable(),
  action: z.string().nullable(),
  tier: z.number().nullable(),
  decision: z.string().nullable(),
  outcome: z.string().nullable(),
  code: z.string().nullable(),
  reason: z.string().nullable(),
  why: z.string().nullable(),
  operation: z.string().nullable(),
  duration_ms: z.number().nullable(),
  input: z.string().nullable(),
})

export default defineTool({
  name: 'query_audit_log',
  title: 'Query the audit log',
  description:
    'Searches who did what through which client and why it was allowed: calls, refusals, throttles, outcomes; newest first, inputs masked.',
  area: 'audit',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'audit.read' },
  input: z.object({
    since: z.iso.datetime().optional().describe('UTC, such as 2026-01-31T00:00:00Z.'),
    until: z.iso.datetime().optional(),
    tool: many(z.string().max(64)).optional(),
    channel: many(z.enum(CHANNELS)).optional(),
    actor: z.string().max(200).optional().describe("A user's id."),
    credential: z.string().max(200).optional().describe("A key's or grant's id."),
    organization: z.string().max(200).optional().describe('Id or name.'),
    decision: many(z.enum(['allowed', 'denied', 'held'])).optional(),
    limit: z.number().int().min(1).max(200).default(25),
    cursor: z.string().max(500).optional(),
  }),
  output: z.object({
    entries: z.array(entry),
    total: z.number().int(),
    total_is_lower_bound: z.boolean().optional(),
    next_cursor: z.string().optional(),
  }),
  async run({ tx, caller }, input) {
    const filter: AuditFilter = {
      since: input.since,
      until: input.until,
      tools: asList(input.tool),
      channels: asList(input.channel),
      actor: input.actor,
      credential: input.credential,
      organizationId: organizationId(caller.organizations, input.organization),
      decisions: asList(input.decision),
    }
    const after = input.cursor ? position(readCursor('audit', filter, input.cursor)) : undefined
    return { filter, ...(await auditPage(tx, caller.partnerId, filter, input.limit, after)) }
  },
  present({ filter, entries, total, isLowerBound, next }) {
    const shown = entries.map((item) => ({ ...item, input: item.input === null ? null : item.input.slice(0, 500) }))
    const lines = shown.slice(0, 10).map((item) => {
      const what = [item.tool ?? item.kind, item.action].filter(Boolean).join(' ')
      return `${item.at} ${item.actor ?? 'system'} ${what}: ${item.code ?? item.outcome ?? item.decision ?? ''}`
    })
    return {
      text: [
        `${isLowerBound ? 'More than ' : ''}${total} audit entries match; ${shown.length} shown, newest first.`,
        ...lines,
      ].join('\n'),
      data: {
        entries: shown,
        total,
        ...(isLowerBound && { total_is_lower_bound: true }),
        ...(next && { next_cursor: makeCursor('audit', filter, next) }),
      },
    }
  },
})

const place = z.tuple([z.string().refine(isInstant), z.uuid()])

function position(key: readonly (string | number | null)[]): [string, string] {
  const [at, id] = key
  const said = place.safeParse([at, id])
  if (!said.success) throw invalidInput('cursor: not of this list.', 'Start again without a cursor.')
  return said.data
}

/** An organization the caller does not reach matches nothing, as one that does not exist. */
function organizationId(
  reach: ReadonlyMap<string, { id: string; name: string }>,
  reference: string | undefined,
): string | undefined {
  if (reference === undefined) return undefined
  const byName = [...reach.values()].find(
    (item) => item.id === reference || item.name.toLowerCase() === reference.toLowerCase(),
  )
  return byName?.id ?? '00000000-0000-0000-0000-000000000000'
}
