/** What devices tell of themselves, section by section; a section is written only when its content changed. */
import type { InventorySections, SectionName, SoftwareDelta } from '@breeze/contract/agent-inventory'
import { Batch } from '../../kernel/batch.ts'
import type { Db, Tx } from '../../kernel/db.ts'
import type { Events } from '../../kernel/events.ts'
import { osText } from './device-facts.ts'
import { plausibleTime } from '../../kernel/plausible-time.ts'
import { recordChanges } from './changes/record.ts'
import { hostName } from './device-name.ts'
import { assignRoles, ROLE_SECTIONS } from './device-roles.ts'
import type { SectionChange, SectionContent } from './section-changes.ts'
import {
  type Before,
  contentBefore,
  type OutdatedMark,
  outdatedMarks,
  type Row,
  writeSections,
} from './section-writes.ts'
import { type Applied, changeSoftware, cleanSoftware, replaceSoftware, type SoftwareList } from './software.ts'

export interface InventoryReport {
  deviceId: string
  sections: { [Name in SectionName]?: InventorySections[Name] | undefined }
  /** The agent's hash of each section that came: what a later heartbeat is compared with. */
  hashes: Partial<Record<SectionName, string>>
  /** Instead of the whole section. */
  softwareDelta?: SoftwareDelta | undefined
}

export interface InventoryAnswer {
  /** Sections whose delta did not fit: they are needed whole. */
  whole: SectionName[]
}

interface Facts {
  id: string
  name: string | null
  os: string | null
}

// A name that a technician gave stays: only one that is still what the machine called itself before follows it.
const FACTS = `
  with facts as (select * from unnest($1::uuid[], $2::text[], $3::text[]) as f (id, name, os)),
  locked as (
    select id from devices where id in (select id from facts) and removed_at is null order by id for no key update)
  update devices d set
    name = case when s.data is null or d.name = s.data->>'hostname' then coalesce(f.name, d.name) else d.name end,
    os = coalesce(f.os, d.os)
  from facts f join locked using (id)
    left join device_sections s on s.device_id = f.id and s.section = 'identity'
  where d.id = f.id and (f.name, f.os) is distinct from (d.name, d.os)`

/** Devices that are asked for sections within a second, and reports that wait to be written. */
const ASKS_PER_SECOND = 200
const MOST_WAITING = 100

export interface InventoryOptions {
  db: Db
  events: Events
  now(): Date
  /** Told what changed, after it is durable. Must not throw: whoever reported has been served. */
  changed?: ((changes: readonly SectionChange[]) => void) | undefined
  /** Told what could not be written and is not asked for again. */
  failed?: (error: unknown) => void
}

export class Inventory {
  readonly #reports: Batch<InventoryReport, InventoryAnswer>
  readonly #marks: Batch<OutdatedMark, undefined>
  readonly #now: () => Date
  readonly #failed: (error: unknown) => void
  #second = 0
  #asks = 0

  constructor({ db, events, now, changed, failed = () => undefined }: InventoryOptions) {
    this.#now = now
    this.#failed = failed
    this.#marks = outdatedMarks(db)
    this.#reports = new Batch<InventoryReport, InventoryAnswer>({
      windowMs: 20,
      maxItems: 200,
      // About a dozen lists of packages: what is made of them at once must not hold up the heartbeats.
      maxWeight: 1_000_000,
      weigh: (report) => JSON.stringify([report.sections, report.softwareDelta]).length,
      handle: async (reports) => {
        const { changes, unfit } = await db.worker((tx) => write(tx, now(), reports))
        for (const id of new Set(reports.map((report) => report.deviceId))) events.publish(`device:${id}`)
        if (changes.length > 0) changed?.(changes)
        return reports.map(({ deviceId, softwareDelta }) => ({
          whole: softwareDelta && unfit.has(deviceId) ? ['software' as const] : [],
        }))
      },
    })
  }

  /**
   * Whether one more device may be asked for sections now; each yes counts. What devices send is held in memory until it
   * is written, and a list of packages takes some 200 KB: a new fleet is asked in turn, at a later beat.
   */
  mayAsk(): boolean {
    const second = Math.floor(this.#now().getTime() / 1000)
    if (second !== this.#second) this.#asks = 0
    this.#second = second
    return this.#reports.size < MOST_WAITING && this.#asks++ < ASKS_PER_SECOND
  }

  /** Since when the device has had other content than is stored; null: it has this one after all. Best effort. */
  outdated(mark: OutdatedMark): void {
    this.#marks.add(mark).catch(this.#failed)
  }

  /** Resolves when it is durable. */
  record(report: InventoryReport): Promise<InventoryAnswer> {
    return this.#reports.add(report)
  }

  async idle(): Promise<void> {
    await this.#reports.idle()
    await this.#marks.idle()
  }
}

interface Written {
  changes: SectionChange[]
  /** Devices whose software delta did not fit. */
  unfit: Set<string>
}

async function write(tx: Tx, now: Date, reports: readonly InventoryReport[]): Promise<Written> {
  const rows = new Map<string, Row>()
  const facts = new Map<string, Facts>()
  const software = new Map<string, SoftwareList>()
  for (const report of reports) {
    const list = softwareOf(report)
    if (list) software.set(report.deviceId, list)
    for (const row of rowsOf(report, list)) rows.set(keyOf(row.deviceId, row.section), row)
    const before = facts.get(report.deviceId)
    const told = factsOf(report)
    if (told) facts.set(told.id, merged(before, told))
  }
  // Before the sections: it compares with what the device called itself until now.
  if (facts.size > 0) await writeFacts(tx, [...facts.values()])
  const befores = rows.size > 0 ? await writeSections(tx, now, [...rows.values()]) : []
  const differences = await replaceSoftware(tx, [...software.values()])
  const changes = befores.map((before): SectionChange => {
    const { device_id: deviceId, section } = before
    const change = { deviceId, section, before: contentBefore(before), after: contentOf(rows, before, now) }
    const isCompared = section === 'software' && change.before !== null && software.has(deviceId)
    return isCompared ? { ...change, software: differences.of(deviceId) } : change
  })
  const { changes: deltas, unfit } = await writeDeltas(tx, now, reports)
  const all = [...changes, ...deltas]
  await recordChanges(tx, now, all)
  const telling = all.filter(({ section }) => ROLE_SECTIONS.includes(section))
  await assignRoles(tx, [...new Set(telling.map(({ deviceId }) => deviceId))].sort())
  return { changes: all, unfit }
}

const keyOf = (deviceId: string, section: string): string => `${deviceId} ${section}`

function contentOf(rows: ReadonlyMap<string, Row>, { device_id, section }: Before, now: Date): SectionContent {
  const row = rows.get(keyOf(device_id, section))
  if (!row) throw new Error('a section was written that nobody reported')
  const { status, collectedAt, data } = row.content
  return { status, collectedAt: plausibleTime(collectedAt) ?? now, ...(data !== undefined && { data }) }
}

/** A delta names what it builds on, so that it fits or not whatever came before it; two of one device come in their order. */
async function writeDeltas(tx: Tx, now: Date, reports: readonly InventoryReport[]): Promise<Written> {
  const written: Written = { changes: [], unfit: new Set() }
  let waiting = reports.flatMap(({ deviceId, softwareDelta: delta }) => (delta ? [{ deviceId, delta }] : []))
  while (waiting.length > 0) {
    const first = new Map(waiting.toReversed().map((change) => [change.deviceId, change]))
    const answer = await changeSoftware(tx, now, [...first.values()])
    for (const id of answer.unfit) written.unfit.add(id)
    written.changes.push(...deltaChanges(answer, now))
    waiting = waiting.filter((change) => first.get(change.deviceId) !== change)
  }
  return written
}

const deltaChanges = ({ applied, differences }: Applied, now: Date): SectionChange[] =>
  applied.map(({ change: { deviceId, delta }, before }) => ({
    deviceId,
    section: 'software',
    before: { status: before.status, collectedAt: before.collected_at },
    after: { status: 'ok', collectedAt: plausibleTime(delta.collectedAt) ?? now },
    software: differences.of(deviceId),
  }))

function softwareOf({ deviceId, sections, hashes }: InventoryReport): SoftwareList | undefined {
  const data = sections.software?.data
  return data && hashes.software !== undefined ? { deviceId, items: cleanSoftware(data) } : undefined
}

function rowsOf({ deviceId, sections, hashes }: InventoryReport, software: SoftwareList | undefined): Row[] {
  const rows: Row[] = []
  // Object.keys forgets that only these names passed the frame's schema.
  for (const section of Object.keys(sections) as SectionName[]) {
    const content = sections[section]
    const hash = hashes[section]
    if (!content || hash === undefined) continue
    const stored = section === 'software' && software ? counted(content, software) : withCleanName(section, content)
    rows.push({ deviceId, section, hash, content: stored })
  }
  return rows
}

/** Its packages are rows of their own. */
const counted = (content: Row['content'], { items }: SoftwareList): Row['content'] => ({
  ...content,
  data: { count: items.length },
})

/** The host name is stored as it is shown, so that the two can be compared. */
function withCleanName(section: SectionName, content: InventorySections[SectionName]): InventorySections[SectionName] {
  if (section !== 'identity' || !content.data || !('hostname' in content.data)) return content
  return { ...content, data: { ...content.data, hostname: hostName(content.data.hostname) ?? '' } }
}

function factsOf({ deviceId, sections }: InventoryReport): Facts | undefined {
  const identity = sections.identity?.data
  const os = sections.os?.data
  if (!identity && !os) return undefined
  return {
    id: deviceId,
    name: identity ? hostName(identity.hostname) : null,
    os: os ? osText(os) : null,
  }
}

function merged(before: Facts | undefined, told: Facts): Facts {
  if (!before) return told
  return { id: told.id, name: told.name ?? before.name, os: told.os ?? before.os }
}

async function writeFacts(tx: Tx, facts: readonly Facts[]): Promise<void> {
  await tx.prepared('inventory_facts', FACTS, [
    facts.map((one) => one.id),
    facts.map((one) => one.name),
    facts.map((one) => one.os),
  ])
}
