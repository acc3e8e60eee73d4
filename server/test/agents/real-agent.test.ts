import { mkdtemp, rm } from 'node:fs/promises'
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
    return found?.status === 'online' && found.sections.length === 6 && found
  })
  expect(device).toMatchObject({ platform: 'linux', role: 'server' })
  expect(device.os).toMatch(/\w/)
  const { operationId } = await fleet.queue(place, [agent.deviceId], echo('it runs'))
  expect(await until(() => resultOf(operationId))).toMatchObject({
    state: 'succeeded',
    exitCode: 0,
    output: 'it runs\n',
  })
})

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
