/** The programs that ask to be let in: known ones, those that registered, and those whose id is the URL of a document. */
import type { AdapterPayload } from 'oidc-provider'
import type { Environment } from '../kernel/context.ts'
import type { Db } from '../kernel/db.ts'
import type { ClientDescription } from './client-metadata.ts'
import { type Documents, isDocumentUrl } from './documents.ts'
import { knownClient } from './known-clients.ts'
import { withTwins } from './redirects.ts'

export interface ClientFacts extends ClientDescription {
  id: string
  kind: 'known' | 'registered' | 'document'
  /** Who vouches for the name: the host of its document. A name that was only registered is anybody's claim. */
  host: string | null
}

interface Row {
  kind: ClientFacts['kind']
  name: string
  redirect_uris: string[]
  fetched_at: Date | null
  blocked_at: Date | null
}

/** A document that was read lately serves the token endpoint even when its host does not answer. */
const STALE_MS = 24 * 3_600_000
const UNUSED_DAYS = 7

export class Clients {
  readonly #db: Db
  readonly #environment: Environment
  readonly #documents: Documents

  constructor(parts: { db: Db; environment: Environment; documents: Documents }) {
    this.#db = parts.db
    this.#environment = parts.environment
    this.#documents = parts.documents
  }

  /** Null for a program that nobody knows, and for one that is blocked. */
  async find(id: string): Promise<ClientFacts | null> {
    if (id.length > 500 || id.includes('\0')) return null
    const row = await this.#row(id)
    if (row?.blocked_at) return null
    const known = knownClient(id)
    if (known) return { id, kind: 'known', name: known.name, redirectUris: [...known.redirectUris], host: hostOf(id) }
    if (!id.includes(':')) return row?.kind === 'registered' ? { id, ...described(row), host: null } : null
    if (!isDocumentUrl(id)) return null
    const read = await this.#documents.describe(id)
    if (read) return { id, kind: 'document', ...read, host: hostOf(id) }
    const fresh = row?.fetched_at && this.#environment.now().getTime() - row.fetched_at.getTime() < STALE_MS
    return row && fresh ? { id, ...described(row), host: hostOf(id) } : null
  }

  /** As the library reads them. Every program is a public one: it proves itself by PKCE, and holds no secret of ours. */
  async metadata(id: string): Promise<AdapterPayload | undefined> {
    const client = await this.find(id)
    return (
      (client && {
        client_id: client.id,
        client_name: client.name,
        redirect_uris: withTwins(client.redirectUris),
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
      }) ??
      undefined
    )
  }

  /** RFC 7591. The id is ours to choose, whatever was asked for. */
  async register(client: ClientDescription): Promise<{ id: string; at: Date }> {
    const id = this.#environment.randomBytes(16).toString('base64url')
    const at = this.#environment.now()
    await this.#db.oauth(
      'oauth_client_register',
      `insert into oauth_clients (id, kind, name, redirect_uris, created_at) values ($1, 'registered', $2, $3, $4)`,
      [id, client.name, client.redirectUris, at],
    )
    return { id, at }
  }

  /** A grant was made: from here on it has a row that can be blocked, and is not swept away as unused. */
  async used(client: ClientFacts): Promise<void> {
    const now = this.#environment.now()
    await this.#db.oauth(
      'oauth_client_used',
      `insert into oauth_clients (id, kind, name, redirect_uris, created_at, fetched_at, last_used_at)
       values ($1, $2, $3, $4, $5, $6, $5)
       on conflict (id) do update set last_used_at = $5, name = excluded.name, redirect_uris = excluded.redirect_uris,
         fetched_at = coalesce(excluded.fetched_at, oauth_clients.fetched_at)`,
      [client.id, client.kind, client.name, client.redirectUris, now, client.kind === 'document' ? now : null],
    )
  }

  /** Programs that registered and never came to anything. */
  async sweep(): Promise<void> {
    const before = new Date(this.#environment.now().getTime() - UNUSED_DAYS * 24 * 3_600_000)
    await this.#db.oauth(
      'oauth_clients_unused',
      `delete from oauth_clients c where c.kind = 'registered' and c.last_used_at is null and c.blocked_at is null
         and c.created_at < $1 and not exists (select from oauth_grants g where g.client_id = c.id)`,
      [before],
    )
  }

  async #row(id: string): Promise<Row | null> {
    const [row] = await this.#db.oauth<Row>(
      'oauth_client_find',
      'select kind, name, redirect_uris, fetched_at, blocked_at from oauth_clients where id = $1',
      [id],
    )
    return row ?? null
  }
}

const described = (row: Row) => ({ kind: row.kind, name: row.name, redirectUris: row.redirect_uris })

const hostOf = (id: string): string => new URL(id).hostname
