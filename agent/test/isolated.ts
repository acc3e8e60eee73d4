/** Started by a test in a network namespace of its own: isolates it as the agent would, and prints what is in reach when. */
import { execFileSync } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CommandArgs, CommandType } from '@breeze/contract/agent-commands'
import { isolateNetwork, releaseNetwork, whereServersAre } from '../src/commands/isolate-network.ts'
import type { Executor } from '../src/executor.ts'
import { Isolation } from '../src/isolation.ts'
import { PinnedNames } from '../src/pinned-names.ts'

const [stateDirectory = '', host = '', server = '', other = '', allowed = ''] = process.argv.slice(2)
const seen: Record<string, unknown> = {}
let now = Date.parse('2026-01-01T00:00:00Z')
const logged: string[] = []

const open = (): Promise<Isolation> =>
  Isolation.open({
    stateDirectory,
    names: new PinnedNames(),
    now: () => now,
    log: (event) => logged.push(event),
    servers: () => whereServersAre({ servers: [`http://${host}:${server}`], network: {} }),
    lookEveryMs: 50,
  })

async function reaches(port: string, address = host): Promise<boolean> {
  const socket = connect({ host: address, port: Number(port), timeout: 3000 })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
const inReach = async () => ({
  server: await reaches(server),
  other: await reaches(other),
  allowed: await reaches(allowed),
})

async function run<T extends CommandType>(executor: Executor<T>, args: CommandArgs<T>) {
  const { outcome } = await executor.run({
    commandId: crypto.randomUUID(),
    args,
    signal: new AbortController().signal,
    reply: async () => true,
    tell: async () => ({}),
  })
  return { state: outcome.state, data: outcome.data, reason: outcome.reason }
}
async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !condition();) {
    if (Date.now() > deadline) throw new Error(`never: ${condition.toString()}; logged ${logged.join(', ')}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
const nft = (...args: string[]): string => execFileSync('nft', args, { encoding: 'utf8' })

// Somebody else's rules, which must outlive all of this.
nft('add', 'table', 'inet', 'theirs')
let isolation = await open()
const options = () => ({ isolation, servers: [`http://${host}:${server}`], network: {} })
const isolate = (releaseAfterSeconds: number) =>
  run(isolateNetwork(options()), { allow: [{ address: host, port: Number(allowed) }], releaseAfterSeconds })

seen['before'] = await inReach()
const established: Socket = connect(Number(other), host)
await once(established, 'connect')
established.on('error', () => undefined)
const cut = new Promise((resolve) => established.once('close', resolve))
seen['isolate'] = await isolate(0)
established.write('still there?')
await cut
seen['isolated'] = await inReach()

// The agent starts anew, and so might the machine: the rules are gone, the wish is on the disk.
await isolation.stop()
nft('delete', 'table', 'inet', 'breeze_isolation')
seen['opened'] = await inReach()
isolation = await open()
seen['restarted'] = { isolated: isolation.isolated, ...(await inReach()) }
// While it runs, they come back too.
nft('delete', 'table', 'inet', 'breeze_isolation')
await until(() => logged.filter((event) => event === 'isolation_restored').length === 2)
seen['restored'] = await inReach()

seen['release'] = await run(releaseNetwork({ isolation }), {})
seen['released'] = await inReach()

seen['timed'] = await isolate(3600)
now += 3_599_000
seen['almost'] = await reaches(other)
now += 2000
await until(() => logged.includes('isolation_released'))
seen['over'] = { isolated: isolation.isolated, ...(await inReach()) }

// What the disk told can't be read any more, or was taken away.
const FILES = ['isolation.json', 'isolation.copy.json'].map((name) => join(stateDirectory, name))
const damage = (paths: readonly string[]) => {
  for (const path of paths) writeFileSync(path, '{"servers":[')
}
const restart = async (meanwhile: () => void) => {
  await isolation.stop()
  meanwhile()
  isolation = await open()
  return { isolated: isolation.isolated, until: isolation.until, ...(await inReach()) }
}
await isolate(3600)
seen['damaged'] = await restart(() => {
  damage(FILES.slice(0, 1))
  nft('delete', 'table', 'inet', 'breeze_isolation')
})
seen['gone'] = await restart(() => rmSync(FILES[0] ?? ''))
// Nothing is readable, and the rules are in force: they stay, for a day.
seen['lost'] = await restart(() => damage(FILES))
// They are not in force either: only the server stays in reach, and that is on the disk again.
seen['anew'] = await restart(() => {
  damage(FILES)
  nft('delete', 'table', 'inet', 'breeze_isolation')
})
now += 3_600_000
seen['kept'] = await restart(() => undefined)
now += 23 * 3_600_000
const releases = logged.filter((event) => event === 'isolation_released').length
await until(() => logged.filter((event) => event === 'isolation_released').length > releases)
seen['ended'] = { isolated: isolation.isolated, ...(await inReach()) }
// A release was cut short between the two files: it is not taken back.
await isolate(0)
await isolation.release()
seen['cutShort'] = await restart(() => damage(FILES.slice(1)))
await isolation.stop()
seen['tables'] = nft('list', 'tables').trim()
process.stdout.write(JSON.stringify(seen))
