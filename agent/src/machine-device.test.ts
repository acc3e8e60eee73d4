import { afterEach, beforeEach, expect, test } from 'vitest'
import { Harness } from '../test/harness.ts'
import { commandId, endorsed, published, script, signingKey } from '../test/stub-server.ts'

let harness: Harness
beforeEach(async () => {
  harness = await Harness.start()
})
afterEach(async () => {
  await harness.close()
})

test('a key that a trusted one endorsed is trusted, also after a restart, and the retired one as long as it is in the set', async () => {
  const folder = harness.folder()
  const { server } = harness
  const agent = await harness.online(folder)
  const next = signingKey('key-2')
  server.serverKeys = [endorsed(next, server.signing), published(server.signing)]
  server.drop()
  await server.until(() => server.welcomes === 2)
  const command = server.sign(script('bash', 'true'), {}, next)
  server.deliver(command)
  expect(await server.result(commandId(command))).toMatchObject({ state: 'succeeded' })
  expect(await server.run(script('bash', 'true'))).toMatchObject({ state: 'succeeded' })
  await agent.stop('stop')
  server.serverKeys = [endorsed(next, server.signing)]
  await harness.online(folder)
  await server.until(() => harness.events.filter((e) => e.event === 'server_keys_changed').length === 2)
  const old = server.sign(script('bash', 'true'))
  server.deliver(old)
  expect(await server.result(commandId(old))).toEqual({ state: 'rejected', reason: 'bad_signature' })
  const later = server.sign(script('bash', 'true'), {}, next)
  server.deliver(later)
  expect(await server.result(commandId(later))).toMatchObject({ state: 'succeeded' })
})

test('a set with a stranger is refused and its commands do not run', async () => {
  const { server } = harness
  await harness.online()
  const stranger = signingKey('stranger')
  server.serverKeys = [published(stranger), published(server.signing)]
  server.drop()
  await server.until(() => server.welcomes === 2)
  const command = server.sign(script('bash', 'true'), {}, stranger)
  server.deliver(command)
  expect(await server.result(commandId(command))).toEqual({ state: 'rejected', reason: 'bad_signature' })
  expect(harness.events.map((e) => e.event)).toContain('server_keys_refused')
  expect(await server.run(script('bash', 'true'))).toMatchObject({ state: 'succeeded' })
})
