import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Harness } from '../test/harness.ts'
import { commandId, script } from '../test/stub-server.ts'

let harness: Harness
beforeEach(async () => {
  harness = await Harness.start('poll')
})
afterEach(async () => {
  await harness.close()
})

const events = (name: string) => harness.events.filter((event) => event.event === name)

test('comes to polling by itself where WebSockets are refused', async () => {
  await harness.online()
  expect(harness.server.refusedUpgrades).toBe(3)
  expect(events('online')).toMatchObject([{ link: 'poll' }])
})

test('lost answers lose nothing and double nothing, up and down', async () => {
  await harness.online()
  const { server } = harness
  const commands = Array.from({ length: 5 }, (_, n) => server.sign(script('bash', `echo ${n}`)))
  server.polls.losing = { send: 2, receive: 2 }
  for (const command of commands) server.deliver(command)
  for (const [n, command] of commands.entries()) {
    expect(await server.result(commandId(command))).toMatchObject({ state: 'succeeded', output: `${n}\n` })
  }
  await server.run(script('bash', 'true'))
  expect(server.polls.losing).toEqual({ send: 0, receive: 0 })
  for (const command of commands) {
    const id = commandId(command)
    const steps = server.frames.flatMap((frame) => ('commandId' in frame && frame.commandId === id ? [frame.type] : []))
    expect(steps).toEqual(['accepted', 'started', 'output', 'result'])
  }
  expect(server.welcomes).toBe(1)
  expect(events('poll_repeated').length).toBeGreaterThanOrEqual(2)
})

test('a session that the server forgot is opened anew', async () => {
  await harness.online()
  harness.server.drop()
  await harness.server.until(() => harness.server.welcomes === 2)
  expect(harness.server.refusedUpgrades).toBe(3)
  expect(harness.server.polls.refused).toBeGreaterThan(0)
})

test('tries a WebSocket again at a reconnect after a while', async () => {
  const { server } = harness
  await harness.online(undefined, { timing: { reconnectBaseMs: 20, webSocketAgainMs: 1000 } })
  server.refusesWebSockets = false
  await sleep(1000)
  server.drop()
  await server.until(() => events('online').some((event) => event['link'] === 'web_socket'))
})

test('tells how long the way to the server takes', async () => {
  harness.server.heartbeatSeconds = 1
  await harness.online()
  const measured = () =>
    harness.server.frames.some((frame) => frame.type === 'heartbeat' && typeof frame.roundTripMs === 'number')
  await harness.server.until(measured)
})

test('never writes the session to its log', async () => {
  await harness.online()
  harness.server.drop()
  await harness.server.until(() => harness.server.welcomes === 2)
  expect(harness.server.polls.sessions).toHaveLength(2)
  for (const session of harness.server.polls.sessions) expect(JSON.stringify(harness.events)).not.toContain(session)
})
