import type { UpdateHistory } from '@breeze/contract/agent-inventory'
import { aptHistory } from '../platform/update-history/apt.ts'
import { dnfHistory } from '../platform/update-history/dnf.ts'
import { pacmanHistory } from '../platform/update-history/pacman.ts'
import type { HistoryKeeper } from '../platform/update-history/record.ts'
import { type Collector, Unsupported } from './section.ts'

const KEEPERS: readonly HistoryKeeper[] = [aptHistory(), dnfHistory, pacmanHistory()]

/** Reads a record anew only when something was added to it, so that a failure is known at the next look. */
export function updateHistoryCollector(keepers: readonly HistoryKeeper[]): Collector<'update_history'> {
  const known = new Map<HistoryKeeper, { fingerprint: string; history: UpdateHistory }>()
  return {
    name: 'update_history',
    source: 'records of apt, dnf and pacman',
    platforms: ['linux'],
    timeoutMs: 150_000,
    async collect(tell) {
      for (const keeper of keepers) {
        const fingerprint = await keeper.fingerprint()
        if (fingerprint === undefined) continue
        tell?.({ source: keeper.source })
        const last = known.get(keeper)
        if (last?.fingerprint === fingerprint) return last.history
        const history = await keeper.read()
        known.set(keeper, { fingerprint, history })
        return history
      }
      throw new Unsupported('This system keeps no record of updates that is known here')
    },
    stable: (data) => data,
  }
}

export const linuxUpdateHistory = updateHistoryCollector(KEEPERS)
