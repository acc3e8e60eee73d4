import type { SectionName } from '@breeze/contract/agent-inventory'
import type { Executor } from '../executor.ts'
import { updateInstaller } from '../platform/update-installer.ts'
import type { UpdateInstaller } from '../platform/updates/installer.ts'
import { action } from './action.ts'
import type { UpdateTurns } from './update-turns.ts'

const REFRESH_MS = 600_000
/** The wait for another command, the lists, and what is read afterwards. */
const TIMEOUT_MS = REFRESH_MS + 1_200_000

/** What installing changes, and what tells that it did. */
export const CHANGED_BY_UPDATES = ['updates', 'update_history', 'software', 'posture'] as const satisfies SectionName[]

export interface UpdateCommandOptions {
  stateDirectory: string
  turns: UpdateTurns
  /** Of this machine, unless a test has its own. */
  installer?: () => Promise<UpdateInstaller | string>
}

export function scanUpdates({
  stateDirectory,
  turns,
  installer = updateInstaller,
}: UpdateCommandOptions): Executor<'updates.scan'> {
  return action({
    type: 'updates.scan',
    timeoutMs: () => TIMEOUT_MS,
    async unsupported() {
      const found = await installer()
      return typeof found === 'string' ? found : undefined
    },
    act: ({ refreshLists }, signal, { tell }) =>
      turns.take(signal, async () => {
        const found = await installer()
        if (typeof found === 'string') throw new Error(found)
        const work = { deadline: performance.now() + REFRESH_MS, signal, folder: stateDirectory }
        const trouble = refreshLists ? await found.refresh(work) : undefined
        const { updates } = await tell(CHANGED_BY_UPDATES)
        if (!updates?.data) throw new Error(trouble ?? updates?.detail ?? 'the pending updates could not be read')
        const data = { pending: updates.data.updates.length, listsUpdatedAt: updates.data.listsUpdatedAt }
        const text = `${data.pending} pending`
        return { data, text, ...(trouble !== undefined && { failure: `the lists could not be fetched: ${trouble}` }) }
      }),
  })
}
