import { CAPABILITIES } from '@breeze/contract/agent-capabilities'
import { capabilitiesSection } from '@breeze/contract/agent-inventory'
import { expect, test } from 'vitest'
import { runScript } from '../commands/run-script.ts'
import type { Executors } from '../executor.ts'
import { capabilities } from './capabilities.ts'

const nothingDenied = { deniesAny: async (_names: readonly string[]) => false }

async function collect(executors: Executors, policy = nothingDenied) {
  const items = await capabilities({ executors, policy }).collect()
  return new Map(items.map((item) => [item.name, item]))
}

test('every capability is told, and what this agent does not know is not supported', async () => {
  const items = await collect({})
  expect([...items.keys()]).toEqual([...CAPABILITIES])
  for (const item of items.values())
    expect(item).toMatchObject({ supported: false, reason: 'this agent does not know how' })
})

test('scripts are told language by language, as the device has them', async () => {
  const environment = { path: '/usr/bin:/bin', home: '/' }
  const items = await collect({ 'script.run': runScript({ stateDirectory: '/nonexistent', environment }) })
  expect(items.get('script.bash')).toEqual({ name: 'script.bash', supported: true })
  expect(items.get('script.sh')).toEqual({ name: 'script.sh', supported: true })
  expect(items.get('script.run_as')).toEqual({ name: 'script.run_as', supported: true })
  expect(items.get('script.cmd')).toEqual({
    name: 'script.cmd',
    supported: false,
    reason: 'no interpreter for cmd is installed on this device',
  })
})

test('what the owner of the device forbids is not supported, whatever the executor says', async () => {
  const environment = { path: '/usr/bin:/bin', home: '/' }
  const executors = { 'script.run': runScript({ stateDirectory: '/nonexistent', environment }) }
  const items = await collect(executors, { deniesAny: async (names: readonly string[]) => names.includes('script.sh') })
  expect(items.get('script.sh')).toMatchObject({ supported: false, reason: 'denied by the device’s own policy' })
  expect(items.get('script.bash')).toMatchObject({ supported: true })
})

test('an executor that breaks when it is asked says so', async () => {
  const items = await collect({
    'device.lock': {
      type: 'device.lock',
      unsupported: () => Promise.reject(new Error('x'.repeat(1000))),
      run: () => Promise.reject(new Error('never')),
    },
  })
  expect(items.get('device.lock')).toMatchObject({ supported: false })
  const section = { status: 'ok', source: 's', collectedAt: new Date().toISOString(), data: [...items.values()] }
  expect(capabilitiesSection.safeParse(section).success).toBe(true)
})
