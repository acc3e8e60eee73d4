import { sql } from 'kysely'
import { z } from 'zod'
import type { Verification } from '../../../kernel/audit/verify.ts'
import { query } from '../../../kernel/db.ts'
import { KernelError } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import '../tables.ts'

interface AuditService {
  /** Walks every chain and checkpoint of the installation. */
  verify(): Promise<Verification>
}

declare module '../../../kernel/services.ts' {
  interface Services {
    audit: AuditService
  }
}

/** One walk through the audit. Over millions of entries it outlasts a call; whoever asks again waits for the same one. */
interface Walk {
  result: Promise<Verification>
  listeners: number
  /** Set when it ended with nobody left to hear it: the next to ask does, if they ask soon. */
  unheardSince: Date | null
}
const walks = new WeakMap<AuditService, Walk>()
const UNHEARD_MS = 60_000

export default defineTool({
  name: 'manage_audit',
  title: 'Verify the audit',
  description:
    'Verifies that no entry of the audit was changed, removed or reordered since it was written, and names the first that was.',
  area: 'audit',
  surfaces: ['mcp', 'console', 'cli', 'rest'],
  actions: {
    field: 'action',
    each: {
      verify: { tier: 1, permission: 'audit.read' },
      disable: {
        tier: 4,
        permission: 'audit.read',
        humanPath: 'The audit has no switch: every call is in it, as long as the server runs.',
      },
    },
  },
  input: z.object({ action: z.enum(['verify', 'disable']) }),
  output: z.object({
    ok: z.boolean(),
    entries: z.number().int(),
    first_broken: z
      .object({ chain: z.string(), seq: z.number().int(), id: z.string().nullable(), problem: z.string() })
      .optional(),
  }),
  async run({ tx, caller }) {
    if (caller.partner?.permissions.has('audit.read')) return { own: null }
    // How much the others did is not for an organization's own people: they are told of their own entries.
    const counted = await tx.first(
      query
        .selectFrom('audit_entries')
        .where('partner_id', '=', caller.partnerId)
        .select(sql<number>`count(*)`.as('n')),
    )
    return { own: counted?.n ?? 0 }
  },
  async settle({ services, signal, now }, { own }): Promise<Pick<Verification, 'ok' | 'entries' | 'first_broken'>> {
    const verification = await hear(walkOf(services.audit, now), signal)
    if (own === null) return verification
    return { ok: verification.ok, entries: own }
  },
  present: ({ ok, entries, first_broken: broken }) => ({
    text: ok
      ? `The audit is whole: ${entries} entries verified.`
      : `The audit is broken${broken ? ` at entry ${broken.seq} of chain ${broken.chain}: ${broken.problem}` : ''}.`,
    data: { ok, entries, ...(broken && { first_broken: broken }) },
  }),
})

function walkOf(audit: AuditService, now: () => Date): Walk {
  const known = walks.get(audit)
  if (known?.unheardSince) walks.delete(audit)
  const isFresh = !known?.unheardSince || now().getTime() - known.unheardSince.getTime() < UNHEARD_MS
  if (known && isFresh) return known
  const walk: Walk = { result: audit.verify(), listeners: 0, unheardSince: null }
  walks.set(audit, walk)
  const ended = (): void => {
    if (walk.listeners === 0) walk.unheardSince = now()
    else walks.delete(audit)
  }
  // A failure reaches whoever listens; here it only ends the walk.
  walk.result.then(ended, ended)
  return walk
}

async function hear(walk: Walk, signal: AbortSignal): Promise<Verification> {
  const { promise: gone, resolve } = Promise.withResolvers<null>()
  const onAbort = (): void => resolve(null)
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  walk.listeners += 1
  try {
    const verification = await Promise.race([walk.result, gone])
    if (verification) return verification
  } finally {
    walk.listeners -= 1
    signal.removeEventListener('abort', onAbort)
  }
  throw new KernelError({
    code: 'unavailable',
    reason: 'The verification is still under way.',
    remedy: 'Ask again; the answer of the running one is used.',
  })
}
