/** What agents work by: the server's defaults, over which the partner's and then the organization's own values are laid. */
import { createHash } from 'node:crypto'
import { type AgentConfiguration, agentConfiguration } from '@breeze/contract/agent-configuration'
import { type Db, query, type Tx } from '../../kernel/db.ts'
import './tables.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    agentSettings: AgentSettings
  }
}

export const partialConfiguration = agentConfiguration.partial()
/** Values of one level; what is absent is the next more general level's. */
export type PartialConfiguration = { [K in keyof AgentConfiguration]?: AgentConfiguration[K] | undefined }

export interface Effective {
  /** Of the content: two organizations with the same values share it. */
  etag: string
  configuration: AgentConfiguration
}

export interface Place {
  partnerId: string
  organizationId: string
}

/** A change of one level; null takes a value away. */
export interface Change {
  id: string
  partnerId: string
  organizationId: string | null
  values: { [K in keyof AgentConfiguration]?: AgentConfiguration[K] | null | undefined }
  by: string
  at: Date
}

/**
 * Read by every agent's connection, so kept whole in memory: a few rows for a few organizations. Read anew after each change
 * and now and then.
 */
export class AgentSettings {
  readonly #db: Db
  readonly #defaults: AgentConfiguration
  readonly #failed: (error: unknown) => void
  /** By partner or by organization. */
  #rows = new Map<string, PartialConfiguration>()
  #effective = new Map<string, Effective>()
  #reading: Promise<void> = Promise.resolve()
  #changed: () => void = () => undefined

  constructor(options: { db: Db; defaults: AgentConfiguration; failed(error: unknown): void }) {
    this.#db = options.db
    this.#defaults = options.defaults
    this.#failed = options.failed
  }

  /** Who is told that values may have changed. */
  onChange(listener: () => void): void {
    this.#changed = listener
  }

  effective({ partnerId, organizationId }: Place): Effective {
    const key = `${partnerId} ${organizationId}`
    const known = this.#effective.get(key)
    if (known) return known
    const configuration = layered(this.inherited(partnerId), this.own(organizationId))
    const made = { etag: etagOf(configuration), configuration }
    this.#effective.set(key, made)
    return made
  }

  /** What an organization of the partner has without values of its own. */
  inherited(partnerId: string): AgentConfiguration {
    return layered(this.#defaults, this.own(partnerId))
  }

  get defaults(): AgentConfiguration {
    return this.#defaults
  }

  /** The values of the partner or of the organization itself. */
  own(id: string): PartialConfiguration {
    return this.#rows.get(id) ?? {}
  }

  /** In the caller's transaction; in force for connected agents once it is durable. Answers the level's values now. */
  async change(tx: Tx, change: Change): Promise<PartialConfiguration> {
    const { partnerId, organizationId } = change
    // Two first changes at once would both insert.
    await tx.prepared('lock_agent_settings', 'select pg_advisory_xact_lock(hashtextextended($1, 61))', [
      organizationId ?? partnerId,
    ])
    const row = await tx.first(
      query
        .selectFrom('agent_settings')
        .select(['id', 'settings'])
        .where('partner_id', '=', partnerId)
        .where('organization_id', organizationId === null ? 'is' : '=', organizationId),
    )
    const values = merged(row ? partialConfiguration.parse(row.settings) : {}, change.values)
    const written = { settings: JSON.stringify(values), updated_by: change.by, updated_at: change.at }
    if (row) await tx.run(query.updateTable('agent_settings').set(written).where('id', '=', row.id))
    else {
      const place = { id: change.id, partner_id: partnerId, organization_id: organizationId }
      await tx.run(query.insertInto('agent_settings').values({ ...place, ...written }))
    }
    tx.afterCommit(() => {
      this.refresh().catch(this.#failed)
    })
    return values
  }

  /** Resolves when what was durable before the call is in force. */
  refresh(): Promise<void> {
    const read = this.#reading.then(() => this.#read())
    this.#reading = read.catch(() => undefined)
    return read
  }

  async #read(): Promise<void> {
    const rows = await this.#db.worker((tx) =>
      tx.all(query.selectFrom('agent_settings').select(['partner_id', 'organization_id', 'settings'])),
    )
    this.#rows = new Map(
      rows.map((row) => [row.organization_id ?? row.partner_id, partialConfiguration.parse(row.settings)]),
    )
    this.#effective = new Map()
    this.#changed()
  }
}

/** The more special values win. */
export const layered = (general: AgentConfiguration, own: PartialConfiguration): AgentConfiguration =>
  agentConfiguration.parse({ ...general, ...own })

function merged(before: PartialConfiguration, values: Change['values']): PartialConfiguration {
  const entries = Object.entries({ ...before, ...values }).filter(([, value]) => value !== null && value !== undefined)
  return partialConfiguration.parse(Object.fromEntries(entries))
}

function etagOf(configuration: AgentConfiguration): string {
  const sorted = Object.entries(configuration).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(sorted)).digest('base64url').slice(0, 22)
}
