import { RESULT_DATA } from '@breeze/contract/agent-commands'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Harness } from '../../test/harness.ts'

let harness: Harness
beforeEach(async () => {
  harness = await Harness.start()
  await harness.online()
})
afterEach(async () => {
  await harness.close()
})

test('a signed look at the processes comes back with data and text', async () => {
  const outcome = await harness.server.run({ type: 'processes.list', args: { sort: 'memory', limit: 5 } })
  const { processes, total } = RESULT_DATA['processes.list'].parse(outcome.data)
  expect(outcome).toMatchObject({ state: 'succeeded', truncated: false })
  expect(processes).toHaveLength(5)
  expect(total).toBeGreaterThan(5)
  const sizes = processes.map(({ memoryBytes }) => memoryBytes)
  expect(sizes).toEqual(sizes.toSorted((a, b) => b - a))
  expect(outcome.output).toContain(`5 of ${total} processes`)
})

test('the agent reaches the server that asks it to', async () => {
  const outcome = await harness.server.run({ type: 'network.diagnose', args: {} })
  const { checks } = RESULT_DATA['network.diagnose'].parse(outcome.data)
  expect(checks.find(({ check }) => check === 'server')).toMatchObject({ ok: true })
})

test('the agent’s own log tells of the command that reads it', async () => {
  const outcome = await harness.server.run({ type: 'logs.read', args: { log: 'agent', limit: 50 } })
  const { entries } = RESULT_DATA['logs.read'].parse(outcome.data)
  expect(entries.map(({ message }) => message).join('\n')).toMatch(/command_accepted commandId=.* type=logs\.read/)
})

test('a log’s name that could be an option is refused before anything starts', async () => {
  const outcome = await harness.server.run({ type: 'logs.read', args: { log: '--file=/etc/shadow', limit: 1 } })
  expect(outcome).toEqual({ state: 'rejected', reason: 'unsupported: that is no name of a log' })
})
