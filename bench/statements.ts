/** How many statements and transactions calls cost, counted by PostgreSQL itself (pg_stat_statements). */
import { Client } from 'pg'
import type { Connection } from '../server/src/database/logins.ts'

export interface StatementCount {
  statements: number
  /** Begun explicitly; a statement alone is none. */
  transactions: number
}

/** What calls do: everything of the logins that serve requests, and the owner's audit appends. The server's own chores are left out. */
const COUNT = `
  select
    coalesce(sum(s.calls) filter (where r.rolname in ('breeze_app', 'breeze_auth') or s.query ilike 'insert into audit_entries%'), 0)::float8 as statements,
    coalesce(sum(s.calls) filter (where r.rolname in ('breeze_app', 'breeze_auth') and s.query ilike 'begin%'), 0)::float8 as transactions
  from pg_stat_statements s join pg_roles r on r.oid = s.userid`

export class StatementCounter {
  readonly #client: Client

  private constructor(client: Client) {
    this.#client = client
  }

  static async open(connection: Connection): Promise<StatementCounter> {
    const client = new Client(connection)
    // A run that is broken off takes the database away first; the next count then fails by itself.
    client.on('error', () => undefined)
    await client.connect()
    return new StatementCounter(client)
  }

  async read(): Promise<StatementCount> {
    const result = await this.#client.query<StatementCount>(COUNT)
    return result.rows[0] ?? { statements: 0, transactions: 0 }
  }

  async close(): Promise<void> {
    await this.#client.end()
  }
}
