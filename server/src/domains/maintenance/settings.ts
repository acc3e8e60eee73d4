/** Windows as people see and change them. */
import type { Selectable } from 'kysely'
import type { Caller } from '../../kernel/caller.ts'
import { query, type Tx } from '../../kernel/db.ts'
import { conflict } from '../../kernel/errors.ts'
import { type DeviceScope, deviceScope } from '../devices/scope.ts'
import { findNamed, listNamed, type NamedRows, type NamePage } from '../../kernel/named-rows.ts'
import type { MaintenanceWindowsTable } from './tables.ts'
import { recurrence, type Window } from './windows.ts'

export interface StoredWindow extends Window {
  enabled: boolean
  version: number
}

function windowOf(row: Selectable<MaintenanceWindowsTable>): StoredWindow {
  return {
    id: row.id,
    partnerId: row.partner_id,
    organizationId: row.organization_id,
    name: row.name,
    scope: deviceScope.parse(row.scope),
    recurrence: recurrence.parse(row.recurrence),
    timeZone: row.time_zone,
    durationMinutes: row.duration_minutes,
    enabled: row.enabled,
    version: row.version,
  }
}

const storedWindows = () => query.selectFrom('maintenance_windows').selectAll()

/** By id or name, within what the transaction sees. */
export const findWindow = async (tx: Tx, reference: string): Promise<StoredWindow> =>
  windowOf(await findNamed(tx, 'maintenance window', storedWindows(), reference))

export async function listWindows(tx: Tx, caller: Caller, page: NamePage): Promise<NamedRows<StoredWindow>> {
  const { rows, ...rest } = await listNamed(tx, storedWindows().where('partner_id', '=', caller.partnerId), page)
  return { rows: rows.map(windowOf), ...rest }
}

interface Change {
  at: Date
  by: string
}
export type WindowValues = Pick<Window, 'name' | 'scope' | 'recurrence' | 'timeZone' | 'durationMinutes'> & {
  enabled: boolean
}

const stored = (values: Partial<WindowValues>) => ({
  ...(values.name !== undefined && { name: values.name }),
  ...(values.scope !== undefined && { scope: JSON.stringify(values.scope satisfies DeviceScope) }),
  ...(values.recurrence !== undefined && { recurrence: JSON.stringify(values.recurrence) }),
  ...(values.timeZone !== undefined && { time_zone: values.timeZone }),
  ...(values.durationMinutes !== undefined && { duration_minutes: values.durationMinutes }),
  ...(values.enabled !== undefined && { enabled: values.enabled }),
})

export async function addWindow(tx: Tx, window: Window & { enabled: boolean }, { at, by }: Change): Promise<void> {
  await tx.run(
    query.insertInto('maintenance_windows').values({
      id: window.id,
      partner_id: window.partnerId,
      organization_id: window.organizationId,
      name: window.name,
      scope: JSON.stringify(window.scope),
      recurrence: JSON.stringify(window.recurrence),
      time_zone: window.timeZone,
      duration_minutes: window.durationMinutes,
      enabled: window.enabled,
      created_at: at,
      created_by: by,
      updated_at: at,
      updated_by: by,
    }),
  )
}

/** Somebody else's change since it was looked at is not overwritten. */
export async function changeWindow(
  tx: Tx,
  { id, version }: StoredWindow,
  values: Partial<WindowValues>,
  { at, by }: Change,
): Promise<void> {
  const changed = await tx.run(
    query
      .updateTable('maintenance_windows')
      .set({ ...stored(values), version: version + 1, updated_at: at, updated_by: by })
      .where('id', '=', id)
      .where('version', '=', version),
  )
  if (changed === 0)
    throw conflict('Somebody else changed this window at the same moment.', 'Look at it and try again.')
}

export async function deleteWindow(tx: Tx, id: string): Promise<void> {
  await tx.run(query.deleteFrom('maintenance_windows').where('id', '=', id))
}
