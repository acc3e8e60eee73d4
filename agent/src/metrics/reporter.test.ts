import { afterEach, beforeEach, expect, test } from 'vitest'
import { Harness } from '../../test/harness.ts'

let harness: Harness
beforeEach(async () => {
  harness = await Harness.start()
})
afterEach(() => harness.close())

const hurried = { sampleEveryMs: 100 }
const times = (): string[] => harness.server.samples().map((sample) => sample.at)
/** Each of these is in what the server heard. */
const expectHeard = (wanted: readonly string[]): void =>
  expect(new Set(times())).toEqual(new Set([...times(), ...wanted]))

test('samples come by themselves, each once, by the clock of the server', async () => {
  const { server } = harness
  server.clockSkewMs = 3_600_000
  await harness.online(undefined, hurried)
  await server.until(() => server.samples().length >= 3)
  expect(new Set(times()).size).toBe(times().length)
  // The first may have been taken before the welcome told the time.
  for (const at of times().slice(1)) expect(Date.parse(at) - Date.now()).toBeGreaterThan(3_500_000)
})

test('what was not acknowledged comes again after a reconnect, before what came later', async () => {
  const { server } = harness
  server.recordsMetrics = false
  await harness.online(undefined, hurried)
  await server.until(() => server.samples().length === 1)
  const [first] = times()
  server.recordsMetrics = true
  server.drop()
  await server.until(() => server.welcomes === 2 && server.count('metrics') >= 2)
  expect(times()[1]).toBe(first)
  await server.until(() => new Set(times()).size >= 4)
  expect(times().slice(1)).toEqual(times().slice(1).toSorted())
})

test('what was measured without a server, or before a restart, is told afterwards', async () => {
  const folder = harness.folder()
  const { server } = harness
  server.recordsMetrics = false
  const agent = await harness.online(folder, hurried)
  await server.until(() => server.samples().length > 0)
  const untold = times()
  await agent.stop('stop')
  server.recordsMetrics = true
  await harness.online(folder, hurried)
  const before = server.count('metrics')
  await server.until(() => server.count('metrics') > before + 1)
  expectHeard(untold)
  expect(times().filter((at) => at === untold[0]).length).toBeGreaterThan(1)
})
