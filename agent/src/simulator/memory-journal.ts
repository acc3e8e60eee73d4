import type { CommandOutcome, SignedCommand } from '@breeze/contract/agent-commands'
import type { Journal, JournalEntry } from '../journal.ts'

/** Cancels of commands that never came; the oldest are forgotten. */
const KEPT_CANCELS = 50
/** Acknowledged commands kept so that a replay is recognised; older ones go once they have expired. */
const KEPT = 200
const NOWHERE = { offset: 0, length: 0 }

/**
 * The journal of a device that has no disk: the same promises for as long as the process lives, which is as long as the
 * device does. It outlives the device's boots.
 */
export class MemoryJournal implements Pick<Journal, keyof Journal> {
  readonly #entries = new Map<string, JournalEntry>()
  readonly #outcomes = new Map<string, CommandOutcome>()
  readonly #cancels = new Set<string>()
  #forgottenUntil = 0

  get(commandId: string): JournalEntry | undefined {
    return this.#entries.get(commandId)
  }

  entries(): readonly JournalEntry[] {
    return [...this.#entries.values()]
  }

  get unacknowledged(): number {
    return this.#outcomes.size
  }

  get forgottenUntil(): number {
    return this.#forgottenUntil
  }

  async hasRoom(): Promise<boolean> {
    if (this.#entries.size > KEPT) await this.compact()
    return true
  }

  async accepted(commandId: string, expiresAt: number, command: SignedCommand): Promise<void> {
    this.#entries.set(commandId, { state: 'accepted', commandId, expiresAt, command })
  }

  async cancelled(commandId: string): Promise<void> {
    this.#cancels.add(commandId)
    const [oldest] = this.#cancels
    if (this.#cancels.size > KEPT_CANCELS && oldest !== undefined) this.#cancels.delete(oldest)
  }

  isCancelled(commandId: string): boolean {
    return this.#cancels.has(commandId)
  }

  async started(commandId: string, startedAt: string): Promise<void> {
    const { expiresAt } = this.#entry(commandId)
    this.#entries.set(commandId, { state: 'started', commandId, expiresAt, startedAt })
  }

  async finished(commandId: string, outcome: CommandOutcome): Promise<void> {
    const { expiresAt } = this.#entry(commandId)
    this.#outcomes.set(commandId, outcome)
    this.#entries.set(commandId, { state: 'finished', commandId, expiresAt, line: NOWHERE })
  }

  async acknowledged(commandId: string): Promise<void> {
    const outcome = this.#outcomes.get(commandId)
    if (!outcome) return
    const { expiresAt } = this.#entry(commandId)
    const { output: _output, data: _data, ...kept } = outcome
    this.#outcomes.delete(commandId)
    this.#entries.set(commandId, { state: 'acknowledged', commandId, expiresAt, outcome: kept })
  }

  async outcome(commandId: string): Promise<CommandOutcome | undefined> {
    const entry = this.#entries.get(commandId)
    return entry?.state === 'acknowledged' ? entry.outcome : this.#outcomes.get(commandId)
  }

  async compact(): Promise<void> {
    const now = Date.now()
    for (const entry of this.#entries.values()) {
      if (entry.state !== 'acknowledged' || entry.expiresAt > now) continue
      this.#entries.delete(entry.commandId)
      this.#forgottenUntil = Math.max(this.#forgottenUntil, entry.expiresAt)
    }
  }

  async close(): Promise<void> {
    // Nothing is open.
  }

  #entry(commandId: string): JournalEntry {
    const entry = this.#entries.get(commandId)
    if (!entry) throw new Error('a command was worked on that was never accepted')
    return entry
  }
}
