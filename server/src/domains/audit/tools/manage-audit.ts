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

/** A walk over millions of entries takes a while; whoever asks meanwhile waits for the one under way. */
const underWay = new WeakMap<AuditService, Promise<Verification>>()

export default defineTool({
  name: 'manage_audit',
  title: 'Verify the audit',
  description:
    'Verifies that no entry of the audit was changed, removed or reordered since it was written, and names the first that was. Use it before relying on the audit. Reads only.',
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
  async settle({ services, signal }, { own }): Promise<Pick<Verification, 'ok' | 'entries' | 'first_broken'>> {
    const verification = await within(signal, verifyOnce(services.audit))
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

function verifyOnce(audit: AuditService): Promise<Verification> {
  const running = underWay.get(audit)
  if (running) return running
  const started = audit.verify().finally(() => underWay.delete(audit))
  underWay.set(audit, started)
  return started
}

async function within(signal: AbortSignal, verification: Promise<Verification>): Promise<Verification> {
  const { promise: ended, resolve } = Promise.withResolvers<null>()
  const onAbort = (): void => resolve(null)
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    const result = await Promise.race([verification, ended])
    if (result) return result
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
  // Nobody may be left to hear how the walk ends.
  verification.catch(() => undefined)
  throw new KernelError({
    code: 'unavailable',
    reason: 'The verification is still under way.',
    remedy: 'Ask again in a minute; the answer of the running one is used.',
  })
}
