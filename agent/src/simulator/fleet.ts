import type { SystemKind } from './systems.ts'

/** What a device does while the simulation runs. */
export type PlannedState = 'online' | 'offline' | 'pending'

export interface PlannedDevice {
  /** Unique in the fleet, and the device's host name. */
  name: string
  organization: string
  site: string
  kind: SystemKind
  state: PlannedState
}

interface Row {
  organization: string
  site: string
  /** Of every device's name. */
  prefix: string
  kind: SystemKind
  online: number
  offline?: number
  pending?: number
}

/** The numbered part of a name: `Contoso-SQL-02`. */
const CODES: { readonly [K in SystemKind]: string } = {
  domain_controller: 'DC',
  sql: 'SQL',
  file: 'FS',
  hypervisor: 'HV',
  terminal: 'TS',
  web: 'WEB',
  database: 'DB',
  storage: 'NAS',
  pc: 'PC',
  laptop: 'LT',
  mac: 'MAC',
}

const contoso = { organization: 'Contoso', prefix: 'Contoso' }
const acme = { organization: 'ACME', prefix: 'ACME' }
const northwind = { organization: 'Northwind Traders', prefix: 'Northwind' }
const harbor = { organization: 'Harbor Dental', prefix: 'Harbor' }
const lakeside = { organization: 'Lakeside Legal', prefix: 'Lakeside' }

/** 147 devices: 132 online, 12 offline, 3 pending; 89 of them Contoso's, none of these pending, 9 of the 12 at its branch office. */
const ROWS: readonly Row[] = [
  { ...contoso, site: 'Contoso - Headquarters', kind: 'domain_controller', online: 2 },
  { ...contoso, site: 'Contoso - Headquarters', kind: 'sql', online: 2 },
  { ...contoso, site: 'Contoso - Headquarters', kind: 'file', online: 2 },
  { ...contoso, site: 'Contoso - Headquarters', kind: 'hypervisor', online: 2 },
  { ...contoso, site: 'Contoso - Headquarters', kind: 'terminal', online: 2 },
  { ...contoso, site: 'Contoso - Headquarters', kind: 'web', online: 2 },
  { ...contoso, site: 'Contoso - Headquarters', kind: 'pc', online: 25 },
  { ...contoso, site: 'Contoso - Headquarters', kind: 'laptop', online: 12 },
  { ...contoso, site: 'Contoso - Headquarters', kind: 'mac', online: 4 },
  { ...contoso, site: 'Contoso - Branch Office', kind: 'domain_controller', online: 1 },
  { ...contoso, site: 'Contoso - Branch Office', kind: 'file', online: 1 },
  { ...contoso, site: 'Contoso - Branch Office', kind: 'pc', online: 9, offline: 6 },
  { ...contoso, site: 'Contoso - Branch Office', kind: 'laptop', online: 3, offline: 3 },
  { ...contoso, site: 'Contoso - Warehouse', kind: 'storage', online: 1 },
  { ...contoso, site: 'Contoso - Warehouse', kind: 'pc', online: 10 },
  { ...contoso, site: 'Contoso - Warehouse', kind: 'laptop', online: 2 },
  { ...acme, site: 'ACME - Main Office', kind: 'domain_controller', online: 2 },
  { ...acme, site: 'ACME - Main Office', kind: 'sql', online: 1 },
  { ...acme, site: 'ACME - Main Office', kind: 'file', online: 1 },
  { ...acme, site: 'ACME - Main Office', kind: 'pc', online: 9 },
  { ...acme, site: 'ACME - Main Office', kind: 'laptop', online: 3, offline: 1 },
  { ...acme, site: 'ACME - Plant', kind: 'database', online: 1 },
  { ...acme, site: 'ACME - Plant', kind: 'pc', online: 5, pending: 1 },
  { ...northwind, site: 'Northwind - Harbour Street', kind: 'domain_controller', online: 1 },
  { ...northwind, site: 'Northwind - Harbour Street', kind: 'pc', online: 6 },
  { ...northwind, site: 'Northwind - Harbour Street', kind: 'mac', online: 2 },
  { ...northwind, site: 'Northwind - Market Square', kind: 'pc', online: 4, pending: 1 },
  { ...northwind, site: 'Northwind - Market Square', kind: 'laptop', online: 1, offline: 1 },
  { ...harbor, site: 'Harbor - Clinic', kind: 'domain_controller', online: 1 },
  { ...harbor, site: 'Harbor - Clinic', kind: 'file', online: 1 },
  { ...harbor, site: 'Harbor - Clinic', kind: 'pc', online: 7 },
  { ...harbor, site: 'Harbor - Clinic', kind: 'laptop', online: 1, offline: 1 },
  { ...lakeside, site: 'Lakeside - Office', kind: 'database', online: 1 },
  { ...lakeside, site: 'Lakeside - Office', kind: 'mac', online: 5 },
  { ...lakeside, site: 'Lakeside - Office', kind: 'pc', online: 0, pending: 1 },
]

export const DEFAULT_DEVICES = 147

/** The fleet at any size, in the same mix; at 147 exactly as listed above. */
export function planFleet(devices: number = DEFAULT_DEVICES): PlannedDevice[] {
  const cells = ROWS.flatMap((row) =>
    (['online', 'offline', 'pending'] as const).map((state) => ({ row, state, weight: row[state] ?? 0 })),
  )
  const counts = share(
    devices,
    cells.map((cell) => cell.weight),
  )
  const last = new Map<string, number>()
  return cells.flatMap(({ row, state }, index) =>
    Array.from({ length: counts[index] ?? 0 }, () => {
      const stem = `${row.prefix}-${CODES[row.kind]}`
      const number = (last.get(stem) ?? 0) + 1
      last.set(stem, number)
      const { organization, site, kind } = row
      return { name: `${stem}-${String(number).padStart(2, '0')}`, organization, site, kind, state }
    }),
  )
}

/** Splits a whole by weights without losing one: the largest remainders get what rounding down left. */
function share(whole: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const exact = weights.map((weight) => (whole * weight) / sum)
  const counts = exact.map(Math.floor)
  const left = whole - counts.reduce((total, count) => total + count, 0)
  const order = exact
    .map((value, index) => ({ index, remainder: value - Math.floor(value) }))
    .sort((a, b) => b.remainder - a.remainder || a.index - b.index)
  for (const { index } of order.slice(0, left)) counts[index] = (counts[index] ?? 0) + 1
  return counts
}
