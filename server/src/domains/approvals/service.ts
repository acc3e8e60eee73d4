/** What follows from a decision outside its transaction: the call is let in, or the credential that asked is ended. */
import type { Db } from '../../kernel/db.ts'
import type { Credential } from '../../kernel/caller.ts'
import { query } from '../../kernel/db.ts'
import type { Mac } from '../../kernel/digests.ts'
import type { Releases } from '../../kernel/releases.ts'
import { deleteKey } from '../../identity/services/api-keys.ts'
import { endSessions } from '../../identity/services/sessions.ts'
import { cancelWaiting } from '../../identity/services/stops.ts'
import { endGrants } from '../../oauth/grant-list.ts'
import { checkLink } from './links.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    approvals: Approvals
  }
}

export interface ApprovalsParts {
  db: Db
  now(): Date
  /** Signs the links to requests. */
  keyed: Mac
  /** The authenticator's: open streams of the credential are cut. */
  revoked(credentialId: string): void
  /** Asked for late: the door that releases is made of services. */
  releases(): Releases
}

interface Reported {
  operation_id: string
  partner_id: string
  user_id: string
  credential_kind: Credential['kind']
  credential_id: string
  decided_by: string | null
}

export class Approvals {
  readonly #parts: ApprovalsParts

  constructor(parts: ApprovalsParts) {
    this.#parts = parts
  }

  /** Throws for a link that does not lead to this request. */
  checkLink(operation: string, link: string): void {
    checkLink(this.#parts.keyed, operation, link, this.#parts.now())
  }

  /** Resolves once the approved call runs or was refused after all. */
  release(operation: string): Promise<void> {
    return this.#parts.releases().begin(operation)
  }

  /** Ends the key, the grant or the session that a reported request came by, and whatever else of it still waits. */
  async endReported(operation: string | null = null): Promise<void> {
    const { db, now, revoked } = this.#parts
    const ended = await db.worker(async (tx) => {
      let select = query
        .selectFrom('approvals')
        .select(['operation_id', 'partner_id', 'user_id', 'credential_kind', 'credential_id', 'decided_by'])
        .where('decision', '=', 'reported')
        .where('credential_ended_at', 'is', null)
        .orderBy('operation_id')
        .limit(100)
        .forNoKeyUpdate()
      if (operation !== null) select = select.where('operation_id', '=', operation)
      const rows: Reported[] = await tx.all(select)
      for (const row of rows) {
        const { credential_id: id, decided_by: by } = row
        if (row.credential_kind === 'api_key') await deleteKey(tx, id, now())
        if (row.credential_kind === 'oauth_grant') await endGrants(tx, [id], 'administrator', by ?? row.user_id, now())
        if (row.credential_kind === 'session') await endSessions(tx, row.user_id, now(), { only: id })
        const subject = { kind: 'credential' as const, credentialId: id, organizationId: null }
        await cancelWaiting(tx, row.partner_id, subject, now())
        const done = query.updateTable('approvals').set({ credential_ended_at: now() })
        await tx.run(done.where('operation_id', '=', row.operation_id))
      }
      return rows.map((row) => row.credential_id)
    })
    for (const id of ended) revoked(id)
  }

  /** What a stop of the server left undone. */
  async sweep(atStart = false): Promise<void> {
    await this.endReported()
    await this.#parts.releases().sweep(atStart)
  }

  async idle(): Promise<void> {
    await this.#parts.releases().idle()
  }
}
