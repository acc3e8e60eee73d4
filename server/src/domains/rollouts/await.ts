/** Waiting, outside any transaction, for what can end of a rollout within the call that began it. */
import type { SettleContext } from '../../kernel/tool.ts'
import { resultText, type operationShape } from '../commands/present.ts'
import type { z } from 'zod'
import { rolloutText } from './present.ts'
import { rolloutOfOperation, type RolloutView } from './reads.ts'

const SHOWN = 200

/** As long as something goes on that can end within the call. */
export async function awaitRollout(context: SettleContext, operation: string): Promise<RolloutView> {
  const look = () => context.transaction((tx) => rolloutOfOperation(tx, operation, context.now(), SHOWN))
  const idle = async () => {
    const view = await look()
    if (view)
      context.progress(
        view.tallies.reduce((sum, { succeeded, failed }) => sum + succeeded + failed, 0),
        view.total,
      )
    return view && (view.rollout.finishedAt !== null || (view.busy === 0 && view.rollout.stage !== null))
      ? view
      : undefined
  }
  const view = (await context.events.until(`operation:${operation}`, context.signal, idle)) ?? (await look())
  if (!view) throw new Error('the rollout that was begun is there')
  return view
}

/** The answer of a tool that began a rollout. */
export function presentBegun(
  view: RolloutView,
  follow = `get_operation ${view.rollout.operationId} tells how it goes on.`,
): { text: string; data: z.infer<typeof operationShape> } {
  const { rollout, devices, total, counts } = view
  return {
    text: [rolloutText(view), ...devices.slice(0, 20).map(resultText), ...(rollout.finishedAt ? [] : [follow])].join(
      '\n',
    ),
    data: { operation: rollout.operationId, state: rollout.state, devices, total, counts },
  }
}
