import { isLogName } from '../commands/read-logs.ts'
import { errorText } from '../log.ts'
import { linuxTails } from '../platform/linux/tails.ts'
import type { LogTail, TailSource } from '../platform/log-tail.ts'
import { macosTail } from '../platform/macos/unified-tail.ts'
import { windowsTail } from '../platform/windows/event-tail.ts'

/** The first place that has the log. Throws with the reasons where none has. */
export async function tailOf(log: string, onlySignIns: boolean): Promise<LogTail> {
  if (!isLogName(log)) throw new Error('that is no name of a log')
  const reasons: string[] = []
  for (const source of sourcesOf(log, onlySignIns)) {
    const tail = await source().catch((error: unknown) => errorText(error))
    if (typeof tail !== 'string') return tail
    reasons.push(tail)
  }
  throw new Error(`this device has no source for the log ${log}: ${reasons.join('; ')}`)
}

function sourcesOf(log: string, onlySignIns: boolean): readonly TailSource[] {
  switch (process.platform) {
    case 'linux':
      return linuxTails(log)
    case 'win32':
      return [async () => windowsTail(log, onlySignIns)]
    case 'darwin':
      return [async () => macosTail(log)]
    default:
      return []
  }
}
