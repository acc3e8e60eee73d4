import { execFileSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runAgent, type RunningAgent } from '../../../agent/src/main.ts'
import { bootFleet, echo, type Fleet, type Place, reach, until } from './fleet.ts'

let fleet: Fleet
let place: Place
let stateDirectory: string
let agent: RunningAgent
beforeAll(async () => {
  fleet = await bootFleet({ heartbeatSeconds: 1 })
  place = await fleet.place()
  stateDirectory = await mkdtemp(join(tmpdir(), 'breeze-agent-'))
  agent = await start(await fleet.token(place))
})
afterAll(async () => {
  await agent.stop('stop')
  await fleet.stop()
  await rm(stateDirectory, { recursive: true })
})

const start = (token?: string) =>
  runAgent({
    servers: [fleet.url],
    network: {},
    token,
    stateDirectory,
    power: 'dry-run',
    policyPath: join(stateDirectory, 'policy.json'),
    protectedPaths: [],
    fault: undefined,
    scriptEnvironment: { path: '/usr/bin:/bin', home: stateDirectory },
    log: () => undefined,
    eventsEveryMs: 100,
    timing: { reconnectBaseMs: 50 },
  })
const details = () =>
  fleet.db.tenant(reach(place), (tx) =>
    fleet.devices.deviceDetails(tx, agent.deviceId, ['identity', 'os', 'cpu', 'memory', 'disks', 'network']),
  )
const resultOf = async (operationId: string) => {
  const page = { limit: 1, outputCharacters: 1000 }
  const [result] = await fleet.db.tenant(reach(place), (tx) => fleet.commands.results(tx, operationId, page))
  return result?.resultAt ? result : undefined
}

test('the agent of this repository enrolls, reports itself and runs a signed script once', async () => {
  const device = await until(async () => {
    const found = await details()
    // Its row was read a moment before its sections.
    return found?.status === 'online' && found.role !== 'unknown' && found.sections.length === 6 && found
  })
  expect(device).toMatchObject({ platform: 'linux', role: expect.stringMatching(/server|database|hypervisor/) })
  expect(device.os).toMatch(/\w/)
  const { operationId } = await fleet.queue(place, [agent.deviceId], echo('it runs'))
  expect(await until(() => resultOf(operationId))).toMatchObject({
    state: 'succeeded',
    exitCode: 0,
    output: 'it runs\n',
  })
})

test('a script is read while it runs, and stopped with all it started when it is cancelled', async () => {
  const script = 'setsid sleep 321 & echo $! > "$HOME/child"; echo begun; sleep 321; echo never'
  const { operationId } = await fleet.queue(place, [agent.deviceId], {
    type: 'script.run',
    args: { language: 'bash', content: script, arguments: [], timeoutSeconds: 300 },
  })
  const results = () =>
    fleet.db.tenant(reach(place), (tx) => fleet.commands.results(tx, operationId, { limit: 1, outputCharacters: 100 }))
  await until(async () => (await results())[0]?.output === 'begun\n')
  expect(await results()).toMatchObject([{ state: 'started', resultAt: null }])
  const child = Number(await readFile(join(stateDirectory, 'child'), 'utf8'))
  const asked = await fleet.db.tenant(reach(place), (tx) =>
    fleet.commands.cancel(tx, new Date(), { operationId }, 'cancelled by Ada'),
  )
  expect(asked).toEqual({ cancelled: 0, asked: 1 })
  expect(await until(() => resultOf(operationId))).toMatchObject({
    state: 'cancelled',
    reason: 'cancelled by Ada',
    output: 'begun\n',
  })
  await until(() => !isAlive(child))
})

const isAlive = (pid: number): boolean => {
  try {
    // A child that nobody waited for is dead all the same.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test.skipIf(!existsSync('/usr/bin/dpkg-query'))(
  "the device's packages are those that its own package manager lists",
  async () => {
    const stored = () =>
      fleet.sql<{ line: string }>(
        `select name || ' ' || version || ' ' || architecture as line from device_software where device_id = $1 and source = 'dpkg'`,
        [agent.deviceId],
      )
    await until(async () => (await stored()).length > 0)
    const format = '${db:Status-Status} ${Package} ${Version} ${Architecture}\\n'
    const listed = execFileSync('dpkg-query', ['-W', '-f', format], { encoding: 'utf8' }).trim().split('\n')
    const installed = listed.flatMap((line) => (line.startsWith('installed ') ? [line.slice('installed '.length)] : []))
    expect((await stored()).map((row) => row.line).sort()).toEqual(installed.sort())
    const page = await fleet.db.tenant(reach(place), (tx) => fleet.devices.software(tx, agent.deviceId, { limit: 5 }))
    expect(page).toMatchObject({ status: 'ok', items: { length: 5 } })
    expect(page.total).toBeGreaterThanOrEqual(installed.length)
  },
)

test('work queued while the agent was stopped is done when it starts again; its goodbye was heard', async () => {
  await agent.stop('shutdown')
  await until(async () => {
    const found = await details()
    return found?.status === 'offline' && found.conditions.includes('shutdown_expected')
  })
  const { operationId } = await fleet.queue(place, [agent.deviceId], echo('later'))
  agent = await start()
  expect(await until(() => resultOf(operationId))).toMatchObject({ state: 'succeeded', output: 'later\n' })
  await until(async () => {
    const found = await details()
    return found?.status === 'online' && found.conditions.length === 0
  })
})

const kernelLog = '/dev/kmsg'
test.runIf(isWritable(kernelLog))(
  'a line of this machine’s kernel log that somebody watches reaches the server',
  async () => {
    const mark = `seen-${process.pid}-${Date.now()}`
    fleet.settings.watchThrough(() => [{ id: 'disk', log: 'kernel', minLevel: 'error', text: mark }])
    const found = await until(async () => {
      // The agent follows the log from the moment in which it learns of the watch.
      writeFileSync(kernelLog, `<3>breeze-test: ${mark}\n`)
      await new Promise((resolve) => setTimeout(resolve, 500))
      return fleet.logged.find(({ entries }) => entries.some(({ text }) => text.includes(mark)))
    }, 60_000)
    expect(found.deviceId).toBe(agent.deviceId)
    expect(found.entries[0]).toMatchObject({ watchId: 'disk', log: 'kernel', level: 'error', program: 'breeze-test' })
    const kept = await fleet.db.tenant(reach(place), (tx) =>
      fleet.eventLogs.latest(tx, agent.deviceId, { log: 'kernel', text: mark, limit: 5 }),
    )
    expect(kept.entries[0]).toMatchObject({ level: 'error', source: 'breeze-test' })
  },
  90_000,
)

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return readFileSync('/proc/sys/kernel/printk_devkmsg', 'utf8').trim() !== 'off'
  } catch {
    return false
  }
}
