/** Which devices an act is for, as every tool that acts on devices takes them. */

export interface PickedDevice {
  id: string
  name: string
}

/** As in `list_devices`; ids of places. */
export interface Narrowing {
  text?: string
  organization?: string
  site?: string
  group?: string
}

export type Picked =
  | { by: 'name'; devices: readonly PickedDevice[] }
  | { by: 'filter'; filter: Narrowing; total?: number }

export const NOBODY: Picked = { by: 'name', devices: [] }

/** The tools' own fields. */
export const selectionOf = (picked: Picked): { devices: string[] } | { filter: Narrowing } =>
  picked.by === 'name' ? { devices: picked.devices.map(({ id }) => id) } : { filter: picked.filter }

/** Why nothing can be done yet; false where it can. */
export function missingDevices(picked: Picked): string | false {
  if (picked.by === 'name') return picked.devices.length === 0 && 'Choose devices first.'
  return picked.total === 0 && 'No device matches.'
}

/** "3 devices". */
export function countOf(picked: Picked): string {
  const count = picked.by === 'name' ? picked.devices.length : picked.total
  if (count === undefined) return 'devices'
  return `${count} device${count === 1 ? '' : 's'}`
}
