import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { CommandOutcome, SignedCommand } from '@breeze/contract/agent-commands'
import { AppendFile, type Span } from './append-file.ts'
import { replaceFile } from './durable-file.ts'
import { fault } from './faults.ts'
import { isMissing } from './identity-store.ts'
import { type JournalLine, parseJournal } from './journal-format.ts'

/** Growth since the last rewrite after which the journal is rewritten without what nobody needs any more. */
const COMPACT_AFTER_BYTES = 8 * 1024 * 1024
/** Above this no new command is taken: results wait for the server and are never thrown away. */
const MAX_BYTES = 64 * 1024 * 1024
const MAX_ENTRIES = 20_000
/** Cancels of commands that never came; beyond this the oldest are forgotten. */
const MAX_CANCELS = 1000

type Common = { commandId: string; expiresAt: number }
export type JournalEntry = Common &
  (
    | { state: 'accepted'; command: SignedCommand }
    | { state: 'started'; startedAt: string }
    /** The outcome stays on the disk (up to 1 MB of output) and is read back only to be sent. */
    | { state: 'finished'; line: Span }
    /** Kept without its output, so that a replay is recognised until the command has expired. */
    | { state: 'acknowledged'; outcome: CommandOutcome }
  )

/**
 * What this device promised and did, durable before it is said: a command is recorded before `accepted` is sent, its
 * start before it runs, its outcome before the result is sent. Whatever the moment of a crash, a command runs at most
 * once and its result is sent until the server holds it.
 */
export class Journal {
  readonly #path: string
  readonly #now: () => number
  #file: AppendFile
  #entries = new Map<string, JournalEntry>()
  /** Until when the cancel of a command that has not arrived is remembered. */
  readonly #cancels = new Map<string, number>()
  /** The latest expiry among forgotten ids: nothing that expires by then may run, whatever any clock says. */
  #forgottenUntil: number
  #compactedSize = 0

  private constructor(path: string, now: () => number, file: AppendFile, lines: ReturnType<typeof parseJournal>) {
    this.#path = path
    this.#now = now
    this.#file = file
    this.#forgottenUntil = 0
    for (const { line, span } of lines) this.#apply(line, span)
  }

  /** `now`: a clock that must not run ahead, see `ServerClock.earliest`. */
  static async open(stateDirectory: string, now: () => number): Promise<Journal> {
    const path = join(stateDirectory, 'journal.ndjson')
    const content = await readIfPresent(path)
    const lines = parseJournal(content)
    const last = lines.at(-1)?.span
    // A torn last line (power lost within a write) was never promised to anyone: it is cut off.
    const file = await AppendFile.open(path, last ? last.offset + last.length : 0)
    const journal = new Journal(path, now, file, lines)
    await journal.compact()
    return journal
  }

  get(commandId: string): JournalEntry | undefined {
    return this.#entries.get(commandId)
  }

  entries(): readonly JournalEntry[] {
    return [...this.#entries.values()]
  }

  get unacknowledged(): number {
    let count = 0
    for (const entry of this.#entries.values()) if (entry.state === 'finished') count++
    return count
  }

  /** Cancelled before it arrived. */
  isCancelled(commandId: string): boolean {
    return this.#cancels.has(commandId)
  }

  get forgottenUntil(): number {
    return this.#forgottenUntil
  }

  /** Compacts where it helps; false when the results that wait for the server leave no room for another command. */
  async hasRoom(): Promise<boolean> {
    const grown = this.#file.size - this.#compactedSize
    if (grown > Math.max(COMPACT_AFTER_BYTES, this.#compactedSize) || this.#isFull()) await this.compact()
    return !this.#isFull()
  }

  async accepted(commandId: string, expiresAt: number, command: SignedCommand): Promise<void> {
    await this.#append({ t: 'accepted', id: commandId, expiresAt, command })
    fault('journal.accepted')
  }

  /** Remembers until then that a command must not run; in force at once, and when it settles also after a crash. */
  async cancelled(commandId: string, until: number): Promise<void> {
    this.#rememberCancel(commandId, until)
    await this.#append({ t: 'cancelled', id: commandId, until })
  }

  async started(commandId: string, startedAt: string): Promise<void> {
    await this.#append({ t: 'started', id: commandId, startedAt })
    fault('journal.started')
  }

  async finished(commandId: string, outcome: CommandOutcome): Promise<void> {
    await this.#append({ t: 'finished', id: commandId, outcome })
    fault('journal.finished')
  }

  async acknowledged(commandId: string): Promise<void> {
    const outcome = await this.outcome(commandId)
    if (!outcome || this.#entries.get(commandId)?.state !== 'finished') return
    await this.#append({ t: 'acknowledged', id: commandId, outcome: withoutOutput(outcome) })
    fault('journal.acknowledged')
  }

  /** The recorded outcome of a finished or acknowledged command. */
  async outcome(commandId: string): Promise<CommandOutcome | undefined> {
    const bytes = await this.#file.read(() => {
      const entry = this.#entries.get(commandId)
      return entry?.state === 'finished' ? entry.line : undefined
    })
    if (bytes) return finishedLine(bytes).outcome
    const entry = this.#entries.get(commandId)
    return entry?.state === 'acknowledged' ? entry.outcome : undefined
  }

  /** Forgets acknowledged commands that can no longer be replayed and rewrites the file with the rest. */
  async compact(): Promise<void> {
    await this.#file.exclusive(async (file) => {
      const now = this.#now()
      for (const entry of this.#entries.values()) {
        if (entry.state !== 'acknowledged' || entry.expiresAt > now) continue
        this.#entries.delete(entry.commandId)
        this.#forgottenUntil = Math.max(this.#forgottenUntil, entry.expiresAt)
      }
      for (const [commandId, until] of this.#cancels) if (until <= now) this.#cancels.delete(commandId)
      const content = await this.#rewritten(file)
      await replaceFile(this.#path, content, () => fault('journal.compaction_written'))
      for (const { line, span } of parseJournal(content)) this.#apply(line, span)
      this.#compactedSize = content.length
      return await open(this.#path, 'r+')
    })
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  #isFull(): boolean {
    return this.#file.size >= MAX_BYTES || this.#entries.size >= MAX_ENTRIES
  }

  async #append(line: JournalLine): Promise<void> {
    await this.#file.append(`${JSON.stringify(line)}\n`, (span) => this.#apply(line, span))
  }

  #apply(line: JournalLine, span: Span): void {
    if (line.t === 'forgotten') {
      this.#forgottenUntil = Math.max(this.#forgottenUntil, line.until)
      return
    }
    const commandId = line.id
    if (line.t === 'cancelled') {
      this.#rememberCancel(commandId, line.until)
      return
    }
    if (line.t === 'accepted') {
      this.#entries.set(commandId, { state: 'accepted', commandId, expiresAt: line.expiresAt, command: line.command })
      return
    }
    const expiresAt = this.#entries.get(commandId)?.expiresAt ?? ('expiresAt' in line ? line.expiresAt : undefined)
    if (expiresAt === undefined) return
    const common = { commandId, expiresAt }
    if (line.t === 'started') this.#entries.set(commandId, { ...common, state: 'started', startedAt: line.startedAt })
    if (line.t === 'finished') this.#entries.set(commandId, { ...common, state: 'finished', line: span })
    if (line.t === 'acknowledged') {
      this.#entries.set(commandId, { ...common, state: 'acknowledged', outcome: line.outcome })
    }
  }

  #rememberCancel(commandId: string, until: number): void {
    this.#cancels.set(commandId, until)
    const [oldest] = this.#cancels.keys()
    if (this.#cancels.size > MAX_CANCELS && oldest !== undefined) this.#cancels.delete(oldest)
  }

  async #rewritten(file: FileHandle): Promise<Buffer> {
    const parts = [encode({ t: 'forgotten', until: this.#forgottenUntil })]
    for (const [id, until] of this.#cancels) parts.push(encode({ t: 'cancelled', id, until }))
    for (const entry of this.#entries.values()) {
      const { commandId: id, expiresAt } = entry
      if (entry.state === 'accepted') parts.push(encode({ t: 'accepted', id, expiresAt, command: entry.command }))
      if (entry.state === 'started') parts.push(encode({ t: 'started', id, expiresAt, startedAt: entry.startedAt }))
      if (entry.state === 'acknowledged') {
        parts.push(encode({ t: 'acknowledged', id, expiresAt, outcome: entry.outcome }))
      }
      if (entry.state === 'finished') {
        const bytes = Buffer.alloc(entry.line.length)
        await file.read(bytes, 0, bytes.length, entry.line.offset)
        parts.push(encode({ ...finishedLine(bytes), expiresAt }))
      }
    }
    return Buffer.concat(parts)
  }
}

function finishedLine(bytes: Buffer): Extract<JournalLine, { t: 'finished' }> {
  const [read] = parseJournal(bytes)
  if (read?.line.t !== 'finished') throw new Error('The journal does not hold what was written to it')
  return read.line
}

function encode(line: JournalLine): Buffer {
  return Buffer.from(`${JSON.stringify(line)}\n`)
}

/** Nor what a command found, which can be half a megabyte of a file: the server holds both. */
function withoutOutput(outcome: CommandOutcome): CommandOutcome {
  const { output, data: _data, ...rest } = outcome
  return output ? { ...rest, truncated: true } : rest
}

async function readIfPresent(path: string): Promise<Buffer> {
  let file: FileHandle | undefined
  try {
    file = await open(path, 'r')
    return await file.readFile()
  } catch (error) {
    if (isMissing(error)) return Buffer.alloc(0)
    throw error
  } finally {
    await file?.close()
  }
}
