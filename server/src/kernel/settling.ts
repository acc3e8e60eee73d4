/** After the act's transaction: waiting for what follows from it, with no connection held, and what the audit says came of it. */
import type { Draft } from './audit/entry.ts'
import type { RowAccess } from './caller.ts'
import type { Db } from './db.ts'
import { KernelError } from './errors.ts'
import type { Walk } from './holds.ts'
import type { Pending, Presentation, Tool } from './tool.ts'

/** Waiting inside a call ends here; the work goes on and has an id (TOOL-4). */
const LONGEST_WAIT_MS = 40_000
/** For a caller that can follow what goes on. */
const FOLLOWED_WAIT_MS = 2000

type Shown = Presentation<Readonly<Record<string, unknown>>>

export async function settle(db: Db, access: RowAccess, walk: Walk, pending: Pending): Promise<Shown> {
  const { signal, followed, onProgress } = walk.options
  const longest = followed && pending.kept ? FOLLOWED_WAIT_MS : LONGEST_WAIT_MS
  const signals = [AbortSignal.timeout(longest), ...(signal ? [signal] : [])]
  let told = -1
  const shown = await pending.settle({
    ...walk.context,
    signal: AbortSignal.any(signals),
    transaction: (work) => db.tenant(access, work),
    progress: (done, total) => {
      if (done > told) onProgress?.((told = done), total)
    },
  })
  // Whoever ended the waiting with a refusal means that nothing is shown any more.
  const reason: unknown = signal?.reason
  if (reason instanceof KernelError) throw reason
  return shown
}

const CAME_TO_NOTHING = new Set(['failed', 'stopped'])
const countOf = (counts: unknown, of: string): number =>
  typeof counts === 'object' && counts !== null ? Number(Reflect.get(counts, of) ?? 0) : 0

/** That a call went well says nothing of its act where devices carry it out: the answer's state does, as of its moment. */
export function whatCame(tool: Tool, { data }: Shown): Pick<Draft, 'outcome'> & Partial<Draft> {
  const said = tool.outlivesCall ? data['state'] : 'succeeded'
  // A rollout that is over says so; how it went is in its counts.
  const state = said === 'finished' ? finishedAs(data['counts']) : said
  if (typeof state !== 'string' || state === 'succeeded') return { outcome: 'succeeded' }
  return { outcome: CAME_TO_NOTHING.has(state) ? 'failed' : 'succeeded', code: state }
}

function finishedAs(counts: unknown): 'succeeded' | 'partial' | 'failed' {
  if (countOf(counts, 'failed') === 0) return 'succeeded'
  return countOf(counts, 'succeeded') > 0 ? 'partial' : 'failed'
}
