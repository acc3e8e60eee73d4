/**
 * The rules and frameworks in force, kept whole in memory: every evaluation needs them, and they are a few rows. Read anew
 * after each change and now and then. What belongs to a partner holds for its organizations, whose people may read it.
 */
import { z } from 'zod'
import type { Caller } from '../../kernel/caller.ts'
import { type Db, query, type Tx } from '../../kernel/db.ts'
import type { Rules } from './checks/check.ts'
import { BUILT_IN } from './frameworks/built-in.ts'
import { ATTESTATION, type Control, type Framework } from './frameworks/framework.ts'
import { layered, merged, type OwnRules, parseOwnRules, type RulesChange } from './rules.ts'
import { SEVERITIES } from './severity.ts'
import './tables.ts'

export interface Level {
  partnerId: string
  /** Null: every organization of the partner. */
  organizationId: string | null
}

/** A control of one's own: what it asks of devices is what its checks ask. */
export const ownControl = z.object({
  id: z.string().trim().min(1).max(40),
  title: z.string().trim().min(1).max(200),
  checks: z.array(z.string().max(60)).max(20),
  severity: z.enum(SEVERITIES).optional(),
  statement: z.string().trim().max(500).optional(),
})
export type OwnControl = z.infer<typeof ownControl>
const storedControls = z.array(ownControl)

export class Policies {
  readonly #db: Db
  /** By partner or by organization. */
  #rules = new Map<string, OwnRules>()
  #own: Framework[] = []
  #reading: Promise<void> = Promise.resolve()

  constructor(db: Db) {
    this.#db = db
  }

  effective(partnerId: string, organizationId: string): Rules {
    return layered(this.#rules.get(partnerId) ?? {}, this.#rules.get(organizationId) ?? {})
  }

  /** What a level's organizations have without values of their own. */
  at({ partnerId, organizationId }: Level): { own: OwnRules; effective: Rules } {
    const general = this.#rules.get(partnerId) ?? {}
    const own = organizationId === null ? general : (this.#rules.get(organizationId) ?? {})
    return { own, effective: layered(general, own) }
  }

  /** Those that come with Breeze, and those of the caller's partner and organizations. */
  frameworks(caller: Pick<Caller, 'partnerId' | 'organizations'>): Framework[] {
    return [...BUILT_IN, ...this.#own.filter((framework) => isVisible(framework, caller))]
  }

  /** Those that are kept a history of for an organization. */
  ofOrganization(partnerId: string, organizationId: string): Framework[] {
    const holds = ({ owner }: Framework): boolean =>
      owner?.partnerId === partnerId && (owner.organizationId === null || owner.organizationId === organizationId)
    return [...BUILT_IN, ...this.#own.filter(holds)]
  }

  /** In the caller's transaction; in force after the next `refresh`. Answers the level's own values. */
  async changeRules(
    tx: Tx,
    level: Level,
    change: RulesChange,
    by: { id: string; user: string; at: Date },
  ): Promise<OwnRules> {
    const { partnerId, organizationId } = level
    // Two first changes at once would both insert.
    await tx.prepared('lock_compliance_settings', 'select pg_advisory_xact_lock(hashtextextended($1, 140))', [
      organizationId ?? partnerId,
    ])
    const row = await tx.first(
      query
        .selectFrom('compliance_settings')
        .select(['id', 'settings'])
        .where('partner_id', '=', partnerId)
        .where('organization_id', organizationId === null ? 'is' : '=', organizationId),
    )
    const values = merged(row ? parseOwnRules(row.settings) : {}, change)
    const written = { settings: JSON.stringify(values), updated_by: by.user, updated_at: by.at }
    if (row) await tx.run(query.updateTable('compliance_settings').set(written).where('id', '=', row.id))
    else {
      const place = { id: by.id, partner_id: partnerId, organization_id: organizationId }
      await tx.run(query.insertInto('compliance_settings').values({ ...place, ...written }))
    }
    return values
  }

  /** Resolves when what was durable before the call is in force. */
  refresh(): Promise<void> {
    const read = this.#reading.then(() => this.#read())
    this.#reading = read.catch(() => undefined)
    return read
  }

  async #read(): Promise<void> {
    const { settings, frameworks } = await this.#db.worker(async (tx) => ({
      settings: await tx.all(
        query.selectFrom('compliance_settings').select(['partner_id', 'organization_id', 'settings']),
      ),
      frameworks: await tx.all(query.selectFrom('compliance_frameworks').selectAll().orderBy('id')),
    }))
    this.#rules = new Map(settings.map((row) => [row.organization_id ?? row.partner_id, parseOwnRules(row.settings)]))
    this.#own = frameworks.map((row) => ({
      id: row.id,
      name: row.name,
      publisher: 'own',
      version: String(row.version),
      owner: { partnerId: row.partner_id, organizationId: row.organization_id },
      controls: storedControls.parse(row.controls).map(controlOf),
    }))
  }
}

function controlOf({ id, title, checks, severity, statement }: OwnControl): Control {
  const isAttested = checks.length === 0
  return {
    id,
    title,
    checks,
    measure: isAttested ? 'attestation' : 'measured',
    statement: statement ?? (isAttested ? ATTESTATION : 'Measured by its checks.'),
    ...(severity !== undefined && { severity }),
  }
}

const isVisible = ({ owner }: Framework, caller: Pick<Caller, 'partnerId' | 'organizations'>): boolean =>
  owner === null ||
  (owner.partnerId === caller.partnerId &&
    (owner.organizationId === null || caller.organizations.has(owner.organizationId)))
