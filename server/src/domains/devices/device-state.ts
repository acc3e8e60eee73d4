/** What one look at a device should tell beside its inventory: its connection, what it is for, its warranty. */
import { z } from 'zod'
import type { Tx } from '../../kernel/db.ts'
import type { DeviceStatus, RoleSource } from './tables.ts'

export const stateFields = {
  role_source: z.string().nullable(),
  responses: z
    .object({ round_trip_ms: z.number().nullable(), usual_ms: z.number().nullable(), elevated: z.boolean() })
    .nullable(),
  warranty: z.object({ ends_on: z.string(), source: z.string(), imported_at: z.string() }).nullable(),
}

interface State {
  status: DeviceStatus
  role_source: RoleSource | null
  status_changed_at: Date | null
  status_expected: string | null
  expected_back_at: Date | null
  status_observed: boolean
  round_trip_ms: number | null
  usual_ms: number | null
  elevated: boolean | null
  ends_on: string | null
  source: string | null
  imported_at: Date | null
}

const STATE = `
  select d.status, d.role_source, d.status_changed_at, d.status_expected, d.expected_back_at, d.status_observed,
    p.round_trip_ms, p.round_trip_usual_ms as usual_ms, p.round_trip_elevated as elevated,
    w.ends_on::text, w.source, w.imported_at
  from devices d left join device_presence p on p.device_id = d.id left join device_warranties w on w.device_id = d.id
  where d.id = $1`

export async function deviceState(tx: Tx, id: string): Promise<State | undefined> {
  const [row] = await tx.prepared<State>('device_state', STATE, [id])
  return row
}

export function presentState(state: State | undefined) {
  const { ends_on, source, imported_at } = state ?? {}
  const measured = state && (state.round_trip_ms !== null || state.usual_ms !== null)
  return {
    role_source: state?.role_source ?? null,
    responses: measured
      ? {
          round_trip_ms: tenths(state.round_trip_ms),
          usual_ms: tenths(state.usual_ms),
          elevated: state.elevated ?? false,
        }
      : null,
    warranty: ends_on && imported_at ? { ends_on, source: source ?? '', imported_at: imported_at.toISOString() } : null,
  }
}

const tenths = (milliseconds: number | null): number | null =>
  milliseconds === null ? null : Math.round(milliseconds * 10) / 10

/** Lines for a model; what is not known and can't be missed is left out. */
export function stateLines(state: State | undefined, now: Date): string[] {
  if (!state) return []
  const { responses, warranty } = presentState(state)
  const lines: string[] = []
  if (responses) {
    const usual = responses.usual_ms === null ? '' : `, usually ${responses.usual_ms} ms`
    lines.push(
      `Response time ${responses.round_trip_ms ?? 'unknown'} ms${usual}${responses.elevated ? ': elevated' : ''}.`,
    )
  }
  if (state.status === 'offline' && state.status_changed_at) lines.push(absence(state, state.status_changed_at, now))
  if (warranty) {
    const over = warranty.ends_on < now.toISOString().slice(0, 10)
    lines.push(`Warranty ${over ? 'ended' : 'ends'} on ${warranty.ends_on} (${warranty.source}).`)
  }
  return lines
}

function absence(state: State, since: Date, now: Date): string {
  const { status_expected: reason, expected_back_at: back, status_observed: observed } = state
  if (reason === null)
    return `Offline since ${since.toISOString()}, without a word${observed ? '' : '; this server was away for part of that time'}.`
  const due = back
    ? back < now
      ? `, was expected back by ${back.toISOString()}`
      : `, expected back by ${back.toISOString()}`
    : ''
  return `Offline since ${since.toISOString()}: it said ${reason}${due}.`
}
