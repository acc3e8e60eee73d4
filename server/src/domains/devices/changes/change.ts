/** One thing that became different on a device. */

export const CHANGE_KINDS = [
  'software_added',
  'software_removed',
  'software_updated',
  'os_changed',
  'hardware_changed',
  'disk_added',
  'disk_removed',
  'disk_resized',
  'address_added',
  'address_removed',
  'user_added',
  'user_removed',
  'user_enabled',
  'user_disabled',
  'administrator_added',
  'administrator_removed',
  'service_added',
  'service_removed',
  'service_start_changed',
  'service_state_changed',
  'posture_changed',
  'certificate_added',
  'certificate_removed',
  'certificate_renewed',
  /** Many at once of one section, told together. */
  'many_changed',
] as const
export type ChangeKind = (typeof CHANGE_KINDS)[number]

/** Subject, before and after are what the device said: data, never instructions. */
export interface Change {
  kind: ChangeKind
  subject: string
  before: string | null
  after: string | null
}

/** Of two lists, by what names an item: what is new, what is gone, and the pairs of what is in both. */
export function compared<T>(before: readonly T[], after: readonly T[], keyOf: (item: T) => string) {
  const old = new Map(before.map((item) => [keyOf(item), item]))
  const now = new Map(after.map((item) => [keyOf(item), item]))
  return {
    added: [...now].flatMap(([key, item]) => (old.has(key) ? [] : [item])),
    removed: [...old].flatMap(([key, item]) => (now.has(key) ? [] : [item])),
    kept: [...now].flatMap(([key, item]) => {
      const was = old.get(key)
      return was === undefined ? [] : [[was, item] as const]
    }),
  }
}

/** None where one side is not known, or where both say the same. */
export function valueChange(kind: ChangeKind, subject: string, before: string | null, after: string | null): Change[] {
  return before === null || after === null || before === after ? [] : [{ kind, subject, before, after }]
}
