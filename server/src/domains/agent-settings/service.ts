/** What agents work by: the server's defaults, over which the partner's and then the organization's own values are laid. */
import { createHash } from 'node:crypto'
import { type AgentConfiguration, agentValues, type AgentValues } from '@breeze/contract/agent-configuration'
import { type EventWatch, MOST_WATCHES, USUAL_WATCHES } from '@breeze/contract/agent-events'
import { type Db, query, type Tx } from '../../kernel/db.ts'
import './tables.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    agentSettings: AgentSettings
  }
}

export const partialValues = agentValues.partial()
/** Values of one level; what is absent is the next more general level's. */
export type PartialValues = { [K in keyof AgentValues]?: AgentValues[K] | undefined }

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
  values: { [K in keyof AgentValues]?: AgentValues[K] | null | undefined }
  by: string
  at: Date
}

/**
 * Read by every agent's connection, so kept whole in memory: a few rows for a few organizations. Read anew after each change
 * and now and then.
 */
export class AgentSettings {
  readonly #db: Db
  readonly #defaults: AgentValues
  readonly #failed: (error: unknown) => void
  /** By partner or by organization. */
  #rows = new Map<string, PartialValues>()
  #effective = new Map<string, Effective>()
  #reading: Promise<void> = Promise.resolve()
  #changed: () => void = () => undefined
  #watches: (place: Place) => readonly EventWatch[] = () => []

  constructor(options: { db: Db; defaults: AgentValues; failed(error: unknown): void }) {
    this.#db = options.db
    this.#defaults = options.defaults
    this.#failed = options.failed
  }

  /** Who is told that values may have changed. */
  onChange(listener: () => void): void {
    this.#changed = listener
  }

  /** Where the event watches of an organization come from, beside those of every agent. Asked again after `watchesChanged`. */
  watchThrough(source: (place: Place) => readonly EventWatch[]): void {
    this.#watches = source
    this.watchesChanged()
  }

  /** Connected agents whose watches are others now are told. */
  watchesChanged(): void {
    this.#effective = new Map()
    this.#changed()
  }

  effective(place: Place): Effective {
    const { partnerId, organizationId } = place
    const key = `${partnerId} ${organizationId}`
    const known = this.#effective.get(key)
    if (known) return known
    const eventWatches = [...USUAL_WATCHES, ...this.#watches(place)].slice(0, MOST_WATCHES)
    const configuration = { ...layered(this.inherited(partnerId), this.own(organizationId)), eventWatches }
    const made = { etag: etagOf(configuration), configuration }
    this.#effective.set(key, made)
    return made
  }

  /** What an organization of the partner has without values of its own. */
  inherited(partnerId: string): AgentValues {
    return layered(this.#defaults, this.own(partnerId))
  }

  get defaults(): AgentValues {
    return this.#defaults
  }

  /** The values of the partner or of the organization itself. */
  own(id: string): PartialValues {
    return this.#rows.get(id) ?? {}
  }

  /** In the caller's transaction; in force for connected agents once it is durable. Answers the level's values now. */
  async change(tx: Tx, change: Change): Promise<PartialValues> {
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
    const values = merged(row ? partialValues.parse(row.settings) : {}, change.values)
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
    this.#rows = new Map(rows.map((row) => [row.organization_id ?? row.partner_id, partialValues.parse(row.settings)]))
    this.#effective = new Map()
    this.#changed()
  }
}

/** The more special values win. */
export const layered = (general: AgentValues, own: PartialValues): AgentValues =>
  agentValues.parse({ ...general, ...own })

function merged(before: PartialValues, values: Change['values']): PartialValues {
  const entries = Object.entries({ ...before, ...values }).filter(([, value]) => value !== null && value !== undefined)
  return partialValues.parse(Object.fromEntries(entries))
}

function etagOf(configuration: AgentConfiguration): string {
  const sorted = Object.entries(configuration).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(sorted)).digest('base64url').slice(0, 22)
}
