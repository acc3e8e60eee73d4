/**
 * One device of an update. Updated is a device that proved its key while it told the new version, not one that says it was. Pure:
 * it is told what was heard and answers what follows.
 */
import type { EndedCommand } from '../commands/reads.ts'
import { RECALLED } from '../rollouts/kind.ts'
import type { RolloutOutcome } from '../rollouts/tables.ts'

export interface Seen {
  now: Date
  /** Null: it goes on. */
  command: Pick<EndedCommand, 'state' | 'reason' | 'resultAt'> | null
  /** As told at the last connection. */
  version: string | null
}

export interface Work {
  phase: string
  phaseSince: Date
  tries: number
}

export interface Follow {
  phase: 'due' | 'updating' | 'checking' | 'done'
  outcome?: RolloutOutcome
  reason?: { text: string; byDevice: boolean }
  tries?: number
}

const MOST_TRIES = 5
/** For a new version to be told; the device says that it runs already. */
const TELLING_MS = 120_000

export function follow(work: Work, { now, command, version }: Seen, wanted: string): Follow | null {
  if (command === null) return null
  const { state, reason, resultAt } = command
  switch (state) {
    case 'succeeded':
      if (version === wanted) return { phase: 'done', outcome: 'succeeded' }
      if (work.phase !== 'checking') return { phase: 'checking' }
      if (now.getTime() - work.phaseSince.getTime() < TELLING_MS) return null
      return failed(`it says that it runs ${wanted}, and connected as ${version ?? 'none'}`, false)
    case 'cancelled':
      if (resultAt === null && reason === RECALLED) return { phase: 'due' }
      return { phase: 'done', outcome: 'cancelled', reason: { text: reason ?? state, byDevice: resultAt !== null } }
    case 'expired':
    case 'interrupted':
      return again(work, reason ?? state, resultAt !== null)
    default:
      // Nothing was heard of it in time, and then it was there.
      if (state === 'timed_out' && version === wanted) return { phase: 'done', outcome: 'succeeded' }
      return failed(reason ?? state, resultAt !== null)
  }
}

const failed = (text: string, byDevice: boolean): Follow => ({
  phase: 'done',
  outcome: 'failed',
  reason: { text, byDevice },
})

/** Nothing had been put on trial: it may be ordered anew. */
function again({ tries }: Work, text: string, byDevice: boolean): Follow {
  if (tries + 1 < MOST_TRIES) return { phase: 'due', tries: tries + 1 }
  return failed(`${text} (${MOST_TRIES} times)`, byDevice)
}
