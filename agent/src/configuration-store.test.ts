import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DEFAULT_CONFIGURATION } from '@breeze/contract/agent-configuration'
import type { AgentFrame } from '@breeze/contract/agent-protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Harness } from '../test/harness.ts'
import { commandId, script } from '../test/stub-server.ts'

const configuration = { ...DEFAULT_CONFIGURATION, heartbeatSeconds: 1, maxConcurrentScripts: 1 }

describe.each(['web_socket', 'poll'] as const)('configuration by %s', (link) => {
  let harness: Harness
  beforeEach(async () => {
    harness = await Harness.start(link)
  })
  afterEach(async () => {
    await harness.close()
  })

  const said = <T extends AgentFrame['type']>(type: T) =>
    harness.server.frames.filter((frame): frame is Extract<AgentFrame, { type: T }> => frame.type === type)

  test('is in force at once and acknowledged by its etag in a heartbeat', async () => {
    await harness.online()
    const { server } = harness
    expect(said('heartbeat').at(-1)?.configurationEtag).toBeNull()
    server.configure({ etag: 'one', configuration })
    await server.until(() => said('heartbeat').some((beat) => beat.configurationEtag === 'one'))
    const [first, second] = ['sleep 0.3', 'true'].map((content) => server.sign(script('bash', content)))
    if (!first || !second) throw new Error('unreachable')
    server.deliver(first)
    server.deliver(second)
    await server.result(commandId(second))
    const at = (type: string, command: typeof first) =>
      server.frames.findIndex((f) => f.type === type && 'commandId' in f && f.commandId === commandId(command))
    expect(at('accepted', second)).toBeLessThan(at('result', first))
    expect(at('started', second)).toBeGreaterThan(at('result', first))
  })

  test('survives a restart, and is not sent again to who names its etag', async () => {
    const folder = harness.folder()
    const agent = await harness.online(folder)
    harness.server.configure({ etag: 'one', configuration })
    await harness.server.until(() => said('heartbeat').some((beat) => beat.configurationEtag === 'one'))
    await agent.stop('stop')
    await harness.online(folder)
    expect(said('hello').map((hello) => hello.configurationEtag)).toEqual([null, 'one'])
    expect(harness.events.filter((event) => event.event === 'configured')).toHaveLength(1)
    expect(JSON.parse(readFileSync(join(folder, 'configuration.json'), 'utf8'))).toEqual({ etag: 'one', configuration })
  })

  test('one that is out of bounds is not taken', async () => {
    await harness.online()
    harness.server.configure({ etag: 'bad', configuration: { ...configuration, heartbeatSeconds: 0 } })
    await harness.server.run(script('bash', 'true'))
    expect(harness.events.map((event) => event.event)).toContain('frame_ignored')
    expect(harness.events.map((event) => event.event)).not.toContain('configured')
  })

  test('a file that can not be read is as good as none', async () => {
    const folder = harness.folder()
    writeFileSync(join(folder, 'configuration.json'), '{"etag":')
    await harness.online(folder)
    expect(said('hello')[0]?.configurationEtag).toBeNull()
  })
})
