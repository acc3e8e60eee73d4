/** What presence heard and has not written yet. */
import type { Tx } from '../../kernel/db.ts'
import type { PresenceTurn } from './presence-turns.ts'
import { type Sighting, writeConditions, writeSightings, writeTurns } from './presence-writes.ts'

export class Gathered {
  #sightings = new Map<string, Sighting>()
  #turns = new Map<string, PresenceTurn>()
  #conditions = new Map<string, Map<string, boolean>>()

  get isEmpty(): boolean {
    return this.#sightings.size === 0 && !this.isUrgent
  }

  /** More than that a device was heard. */
  get isUrgent(): boolean {
    return this.#turns.size + this.#conditions.size > 0
  }

  /** Devices of which something is another than before. */
  get changed(): string[] {
    return [...this.#turns.keys(), ...this.#conditions.keys()]
  }

  get turns(): PresenceTurn[] {
    return [...this.#turns.values()]
  }

  sighting(id: string): Sighting | undefined {
    return this.#sightings.get(id)
  }

  see(sighting: Sighting): void {
    this.#sightings.set(sighting.id, sighting)
  }

  turn(turn: PresenceTurn): void {
    this.#turns.set(turn.deviceId, turn)
  }

  condition(id: string, name: string, isThere: boolean): void {
    const changes = this.#conditions.get(id) ?? new Map<string, boolean>()
    this.#conditions.set(id, changes.set(name, isThere))
  }

  forget(id: string): void {
    for (const one of [this.#sightings, this.#turns, this.#conditions]) one.delete(id)
  }

  /** Puts back what could not be written. What came meanwhile is newer and stays. */
  putBack(older: Gathered): void {
    for (const [id, sighting] of older.#sightings) if (!this.#sightings.has(id)) this.#sightings.set(id, sighting)
    for (const [id, turn] of older.#turns) if (!this.#turns.has(id)) this.#turns.set(id, turn)
    for (const [id, changes] of older.#conditions)
      this.#conditions.set(id, new Map([...changes, ...(this.#conditions.get(id) ?? [])]))
  }

  /** Answers the turns that are the status now. */
  async write(tx: Tx): Promise<PresenceTurn[]> {
    await writeSightings(tx, sortedById(this.#sightings))
    const turned = await writeTurns(tx, sortedById(this.#turns))
    await writeConditions(tx, this.#conditions)
    return this.turns.filter((turn) => turned.has(turn.deviceId))
  }
}

function sortedById<T>(entries: ReadonlyMap<string, T>): T[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
}
