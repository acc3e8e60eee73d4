/**
 * Telling a machine from a copy of it, by what cannot be true of one machine: a boot that was over runs again and again
 * beside the next one, or the enrolled machine and another one are there at the same time. Everything else (a repaired
 * machine, a snapshot that was put back) happens to one machine, and is not held against it.
 */

export interface MachineIdentity {
  bootId: string
  /** Empty where the machine can't tell. */
  machineId: string
}

/**
 * `one`: as far as anybody can tell. `copy`: the newcomer is not the enrolled machine, which lives. `original`: the
 * enrolled machine returns while another one holds its place. `both`: two machines that nobody can tell apart.
 */
export type Judgement = 'one' | 'copy' | 'original' | 'both'

interface Known extends MachineIdentity {
  /** Boots that another one followed, the latest first. */
  past: string[]
  /** When a boot came back that was over. */
  returns: number[]
  /** Of the last contradiction; null without one. */
  conflictAt: number | null
}

const MOST_BOOTS = 8
/** A snapshot that is put back looks like one return. Two machines go on returning. */
const RETURNS = 2
const RETURNS_WITHIN_MS = 30 * 60_000
/** So long must one machine be alone before it is believed again. */
const SETTLED_MS = 10 * 60_000

export class Clones {
  readonly #known = new Map<string, Known>()

  /** `enrolled`: the device's first machine id. `isAlive`: the connection of the last arrival still speaks. */
  arrives(deviceId: string, enrolled: string, told: MachineIdentity, isAlive: boolean, nowMs: number): Judgement {
    const known = this.#known.get(deviceId)
    if (!known) {
      this.#known.set(deviceId, { ...told, past: [], returns: [], conflictAt: null })
      return 'one'
    }
    const isOther = told.machineId !== '' && known.machineId !== '' && told.machineId !== known.machineId
    if (isOther && isAlive) {
      if (known.machineId === enrolled) {
        known.conflictAt = nowMs
        return 'copy'
      }
      if (told.machineId === enrolled) {
        follow(known, told)
        known.conflictAt = nowMs
        return 'original'
      }
    }
    const hasReturned = told.bootId !== known.bootId && known.past.includes(told.bootId)
    follow(known, told)
    if (!hasReturned) return 'one'
    known.returns = [...known.returns.filter((at) => nowMs - at < RETURNS_WITHIN_MS), nowMs]
    if (known.returns.length < RETURNS) return 'one'
    known.conflictAt = nowMs
    return 'both'
  }

  /** It is quarantined, by a server that ran before this one perhaps: the time alone is counted from now at the latest. */
  suspect(deviceId: string, nowMs: number): void {
    const known = this.#known.get(deviceId)
    if (known) known.conflictAt ??= nowMs
  }

  /** One machine has been alone for long enough. */
  isSettled(deviceId: string, nowMs: number): boolean {
    const conflictAt = this.#known.get(deviceId)?.conflictAt
    return typeof conflictAt === 'number' && nowMs - conflictAt >= SETTLED_MS
  }

  /** Everything held against it is over. */
  absolve(deviceId: string): void {
    const known = this.#known.get(deviceId)
    if (known) Object.assign(known, { past: [], returns: [], conflictAt: null })
  }

  forget(deviceId: string): void {
    this.#known.delete(deviceId)
  }
}

function follow(known: Known, told: MachineIdentity): void {
  if (told.bootId !== known.bootId) {
    const past = known.past.filter((boot) => boot !== told.bootId && boot !== known.bootId)
    known.past = [known.bootId, ...past].slice(0, MOST_BOOTS)
    known.bootId = told.bootId
  }
  if (told.machineId !== '') known.machineId = told.machineId
}
