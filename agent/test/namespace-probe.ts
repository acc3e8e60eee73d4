/** Run by a test in a mount namespace of its own: reads one file as the agent would and prints the outcome. */
import { readFile } from '../src/commands/read-file.ts'
import { PathGuard } from '../src/commands/files/path-guard.ts'

const [, , stateDirectory = '', path = ''] = process.argv
const guard = new PathGuard({ stateDirectory, protectedPaths: [], programs: [], policy: { denyPaths: async () => [] } })
const { outcome } = await readFile(guard).run({
  commandId: crypto.randomUUID(),
  args: { path, offset: 0, maxBytes: 100 },
  signal: new AbortController().signal,
  reply: async () => true,
})
process.stdout.write(JSON.stringify(outcome))
