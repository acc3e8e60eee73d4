/** Started by a test in namespaces of its own: carries out commands as the agent would and prints their outcomes. */
import type { CommandArgs, CommandOutcome, CommandType } from '@breeze/contract/agent-commands'
import { controlService } from '../src/commands/control-service.ts'
import { PathGuard } from '../src/commands/files/path-guard.ts'
import { readFile } from '../src/commands/read-file.ts'
import { wakeDevices } from '../src/commands/wake-devices.ts'
import type { Executor } from '../src/executor.ts'
import type { Elsewhere } from './elsewhere.ts'

// The test that started this wrote it.
const { stateDirectory, commands } = JSON.parse(process.argv[2] ?? '') as Elsewhere
const guard = new PathGuard({ stateDirectory, protectedPaths: [], programs: [], policy: { denyPaths: async () => [] } })
const executors = {
  'files.read': readFile(guard),
  'network.wake': wakeDevices(),
  'service.control': controlService(),
} as const

async function run<T extends CommandType>(executor: Executor<T>, args: CommandArgs<T>): Promise<CommandOutcome> {
  const execution = {
    commandId: crypto.randomUUID(),
    args,
    signal: new AbortController().signal,
    reply: async () => true,
    tell: async () => ({}),
  }
  const unsupported = await executor.unsupported(execution)
  if (unsupported !== undefined) return { state: 'rejected', reason: unsupported }
  return (await executor.run(execution)).outcome
}

const outcomes: CommandOutcome[] = []
for (const { type, args } of commands) {
  const executor = executors[type] as Executor<CommandType>
  outcomes.push(await run(executor, args))
}
process.stdout.write(JSON.stringify(outcomes))
// A daemon that one of them started may hold this process's output open.
process.exit(0)
