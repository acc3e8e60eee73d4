/** Waiting, outside any transaction, for what devices make of an operation's commands. */
import type { SettleContext } from '../../kernel/tool.ts'
import { deviceNames } from '../devices/names.ts'
import type { Sent } from './acting.ts'
import { answerShares, deviceResult, type DeviceResult } from './present.ts'
import type { CommandResult } from './reads.ts'
import type { OperationProgress } from './service.ts'

const SHOWN = 200

export interface Settled {
  operation: string
  /** Devices that got no command count as rejected. */
  progress: OperationProgress
  /** The first 200. */
  devices: DeviceResult[]
  /** The same devices' commands, without those that got none. */
  results: CommandResult[]
}

/**
 * Ends when every device that could answer now has answered, or the call's time is up. Devices that were offline are not
 * waited for: their commands stay queued.
 */
export async function awaitCommands(context: SettleContext, { operation, reachable, apart }: Sent): Promise<Settled> {
  const { services } = context
  const look = () => context.transaction((tx) => services.commands.operationProgress(tx, operation))
  const done = async () => {
    const progress = await look()
    context.progress(progress.finished, progress.total)
    return progress.finished >= Math.min(reachable + apart.length, progress.total) ? progress : undefined
  }
  if (reachable > 0) await context.events.until(`operation:${operation}`, context.signal, done)
  return context.transaction(async (tx) => {
    const progress = await services.commands.operationProgress(tx, operation)
    context.progress(progress.finished, progress.total)
    const page = { limit: SHOWN, ...answerShares(progress.total) }
    const results = await services.commands.results(tx, operation, page)
    const names = await deviceNames(
      tx,
      results.map((result) => result.deviceId),
    )
    const devices = results.map((result) => deviceResult(result, names.get(result.deviceId) ?? result.deviceId))
    return {
      operation,
      progress,
      devices: [...devices, ...apart].slice(0, SHOWN),
      results,
    }
  })
}
