/** Programs as tools see them: those that hold or held a grant which the caller sees. */
import { sql } from 'kysely'
import type { Caller } from '../kernel/caller.ts'
import { query, type Tx } from '../kernel/db.ts'
import { ambiguous, notFound } from '../kernel/errors.ts'
import './tables.ts'

export interface ClientState {
  id: string
  kind: 'known' | 'registered' | 'document'
  name: string
  created_at: Date
  last_used_at: Date | null
  blocked_at: Date | null
  block_reason: string | null
}

export interface ClientRow extends ClientState {
  host: string | null
  grants: number
  users: number
}

const MOST = 500

/** By name. The database's own function adds what belongs to no tenant: whether a program is blocked. */
export async function listClients(tx: Tx, caller: Caller, now: Date): Promise<ClientRow[]> {
  const seen = await tx.all(
    query
      .selectFrom('oauth_grants')
      .where('partner_id', '=', caller.partnerId)
      .groupBy('client_id')
      .select('client_id')
      .select((e) => e.fn.max('client_host').as('host'))
      .select(sql<number>`count(*) filter (where revoked_at is null and expires_at > ${now})`.as('grants'))
      .select(
        sql<number>`count(distinct user_id) filter (where revoked_at is null and expires_at > ${now})`.as('users'),
      )
      .limit(MOST),
  )
  const states = await tx.prepared<ClientState>('oauth_client_states', 'select * from oauth_client_states($1)', [
    seen.map((row) => row.client_id),
  ])
  const byId = new Map(states.map((state) => [state.id, state]))
  return seen
    .flatMap((row) => {
      const state = byId.get(row.client_id)
      return state ? [{ ...state, host: row.host, grants: row.grants, users: row.users }] : []
    })
    .sort((a, b) => a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1))
}

export async function findClient(tx: Tx, caller: Caller, reference: string, now: Date): Promise<ClientRow> {
  const all = await listClients(tx, caller, now)
  const wanted = reference.toLowerCase()
  const exact = all.find((client) => client.id === reference)
  if (exact) return exact
  const named = all.filter((client) => client.name.toLowerCase() === wanted)
  if (named.length > 1) {
    const candidates = named.map((client) => ({
      id: client.id,
      name: client.name,
      detail: client.host ?? 'unverified',
    }))
    throw ambiguous('program', reference, candidates.slice(0, 20))
  }
  const [only] = named
  if (!only) throw notFound('program', reference)
  return only
}
