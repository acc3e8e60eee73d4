import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandMessage } from '@breeze/contract/agent-commands'
import { CLOSE } from '@breeze/contract/agent-protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Harness } from '../test/harness.ts'
import { commandId, script, signingKey } from '../test/stub-server.ts'
import { powerRecordPath } from './commands/power.ts'
import { signText } from './device-key.ts'
import { AGENT_VERSION } from './version.ts'

let harness: Harness
beforeEach(async () => {
  harness = await Harness.start()
})
afterEach(async () => {
  await harness.close()
})

/** Where WebSockets are refused, the agent comes to polling by itself. */
const LINKS = ['web_socket', 'poll'] as const

const DAY_MS = 86_400_000

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('enrollment', () => {
  test('makes a key, keeps it readable by its owner only, and survives a restart without a token', async () => {
    const folder = harness.folder()
    const first = await harness.online(folder)
    await first.stop('stop')
    expect(statSync(join(folder, 'identity.json')).mode & 0o777).toBe(0o600)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    const second = await harness.online(folder, { token: undefined })
    expect(second.deviceId).toBe(first.deviceId)
    expect(harness.server.enrollRequests).toBe(1)
  })

  test('says so when the token is refused, and does not try again', async () => {
    await expect(harness.agent(undefined, { token: 'wrong' })).rejects.toThrow(
      'The enrollment token was refused: The token is unknown or has expired (token_invalid)',
    )
    expect(harness.server.enrollRequests).toBe(1)
    expect(JSON.stringify(harness.events)).not.toContain('wrong')
  })

  test('passes on the server’s reason for a conflict', async () => {
    harness.server.refuseEnrollment = { status: 409, body: { error: { code: 'machine_known', message: 'A clone?' } } }
    await expect(harness.agent()).rejects.toThrow('(HTTP 409): A clone? (machine_known)')
  })

  test('tries again when the server is busy, with the same key', async () => {
    harness.server.refuseEnrollment = { status: 503, body: 'starting' }
    const starting = harness.agent()
    await harness.server.until(() => harness.server.enrollRequests === 2)
    harness.server.refuseEnrollment = undefined
    await starting
    expect(harness.server.devices.size).toBe(1)
  })

  test('without a token says what is missing', async () => {
    await expect(harness.agent(undefined, { token: undefined })).rejects.toThrow('give an enrollment token')
  })

  test('a second agent on the same state folder is refused', async () => {
    const folder = harness.folder()
    await harness.agent(folder)
    await expect(harness.agent(folder)).rejects.toThrow('uses this state folder')
  })
})

describe.each(LINKS)('connection by %s', (link) => {
  beforeEach(() => {
    harness.server.refusesWebSockets = link === 'poll'
  })

  test('proves its key, sends a heartbeat and the inventory it is asked for', async () => {
    await harness.online()
    const { server } = harness
    const hello = server.frames.find((frame) => frame.type === 'hello')
    expect(hello).toMatchObject({ deviceId: server.deviceId, agentVersion: AGENT_VERSION })
    server.send({ type: 'send_inventory', sections: ['os', 'memory'] })
    await server.until(() => server.count('inventory') === 1)
    const inventory = server.frames.find((frame) => frame.type === 'inventory')
    expect(Object.keys(inventory?.sections ?? {}).sort()).toEqual(['memory', 'os'])
    const heartbeat = server.frames.find((frame) => frame.type === 'heartbeat')
    expect(heartbeat?.sections['os']).toBe(inventory?.hashes['os'])
  })

  test('comes back after a loss', async () => {
    await harness.online()
    harness.server.drop()
    await harness.server.until(() => harness.server.welcomes === 2)
  })

  test('waits as long as a draining server asks', async () => {
    await harness.online()
    const { server } = harness
    server.closeWith = {
      code: CLOSE.draining,
      error: { type: 'error', code: 'draining', message: '', retryAfterSeconds: 1 },
    }
    server.drop()
    await server.until(() => server.welcomes === 2)
    const asked = performance.now()
    server.closeWith = undefined
    await server.until(() => server.welcomes === 3)
    expect(performance.now() - asked).toBeGreaterThan(950)
  })

  test.each([CLOSE.unknownDevice, CLOSE.authenticationFailed, CLOSE.replaced])(
    'does not knock again at once after close code %i',
    async (code) => {
      await harness.online()
      harness.server.closeWith = { code }
      harness.server.drop()
      await harness.server.until(() => harness.server.welcomes === 2)
      await sleep(300)
      expect(harness.server.welcomes).toBe(2)
      const [last] = harness.events.filter((e) => e.event === 'disconnected').slice(-1)
      expect(last?.['retryMs']).toBeGreaterThanOrEqual(60_000)
    },
  )

  test('notices a server that vanished without a word', async () => {
    harness.server.heartbeatSeconds = 1
    await harness.online(undefined, { timing: { reconnectBaseMs: 20, minimumKeepaliveMs: 100 } })
    harness.server.freeze()
    await harness.server.until(() => harness.server.welcomes === 2)
    expect(harness.events.map((e) => e.event)).toContain('server_silent')
  })

  test('says goodbye when it is stopped', async () => {
    const agent = await harness.online()
    await agent.stop('update')
    expect(harness.server.frames.at(-1)).toEqual({ type: 'goodbye', reason: 'update' })
    expect(await agent.closed).toEqual({ reason: 'update' })
  })

  test('a command before welcome is not listened to', async () => {
    await harness.online()
    const { server } = harness
    expect(harness.events.filter((e) => e.event === 'frame_out_of_turn')).toHaveLength(0)
    server.send({
      type: 'welcome',
      heartbeatSeconds: 1,
      serverKeys: server.serverKeys,
      serverTime: '2020-01-01T00:00:00Z',
    })
    await sleep(50)
    expect(harness.events.filter((e) => e.event === 'frame_out_of_turn')).toHaveLength(1)
  })
})

describe.each(LINKS)('commands by %s', (link) => {
  beforeEach(() => {
    harness.server.refusesWebSockets = link === 'poll'
  })

  test('runs a signed script once and tells each step', async () => {
    await harness.online()
    const outcome = await harness.server.run(script('bash', 'echo "hello $1"; echo oops >&2', { arguments: ['$(id)'] }))
    expect(outcome).toMatchObject({ state: 'succeeded', exitCode: 0, output: 'hello $(id)\noops\n', truncated: false })
    expect([...new Set(harness.server.frames.map((f) => f.type).filter((t) => t !== 'heartbeat'))]).toEqual([
      'hello',
      'accepted',
      'started',
      'output',
      'result',
    ])
  })

  test.each([
    ['bad_signature', () => harness.server.sign(script('bash', 'exit'), {}, signingKey('key-1'))],
    ['bad_signature', () => harness.server.sign(script('bash', 'exit'), {}, signingKey('unknown'))],
    ['bad_signature', () => tampered(harness.server.sign(script('bash', 'echo good')))],
    ['wrong_device', () => harness.server.sign(script('bash', 'exit'), { deviceId: crypto.randomUUID() })],
    [
      'expired',
      () => harness.server.sign(script('bash', 'exit'), { expiresAt: new Date(Date.now() - 5000).toISOString() }),
    ],
    ['malformed', () => malformed()],
  ])('refuses with %s', async (reason, make) => {
    await harness.online()
    const command = make()
    harness.server.deliver(command)
    expect(await harness.server.result(commandId(command))).toEqual({ state: 'rejected', reason })
    expect(harness.server.count('accepted')).toBe(0)
  })

  test.each([2 * DAY_MS, -2 * DAY_MS])('judges expiry by the server’s clock, which is %i ms off', async (skewMs) => {
    harness.server.clockSkewMs = skewMs
    await harness.online()
    const { server } = harness
    expect(await server.run(script('bash', 'true'))).toMatchObject({ state: 'succeeded' })
    const expiresAt = new Date(Date.now() + skewMs - 1000).toISOString()
    expect(await server.run(script('bash', 'true'), { expiresAt })).toEqual({ state: 'rejected', reason: 'expired' })
  })

  test('a command delivered twice runs once, and its recorded result is told again', async () => {
    const folder = harness.folder()
    const proof = join(folder, 'proof')
    await harness.online(folder)
    const { server } = harness
    const command = server.sign(script('bash', `echo ran >> ${proof}; sleep 0.3`))
    const id = commandId(command)
    server.deliver(command)
    server.deliver(command)
    await server.until(() => server.count('started', id) === 1)
    server.deliver(command)
    await server.until(() => server.count('accepted', id) === 2)
    await server.result(id)
    server.deliver(command)
    await server.until(() => server.results.get(id)?.length === 2)
    expect(server.results.get(id)?.[1]).toMatchObject({ state: 'succeeded', exitCode: 0 })
    expect(readFileSync(proof, 'utf8')).toBe('ran\n')
  })

  test('a forged copy of a running command does not overwrite its result', async () => {
    await harness.online()
    const { server } = harness
    const command = server.sign(script('bash', 'sleep 0.3; echo done'))
    server.deliver(command)
    await server.until(() => server.count('started') === 1)
    server.deliver({ ...command, signature: signText(signingKey('x').key, commandMessage(command.payload)) })
    expect(await server.result(commandId(command))).toMatchObject({ state: 'succeeded', output: 'done\n' })
    expect(server.results.get(commandId(command))).toHaveLength(1)
  })

  test('a result is sent again after each welcome until it is recorded, also by the next process', async () => {
    const folder = harness.folder()
    const { server } = harness
    server.recordsResults = false
    const agent = await harness.online(folder)
    const command = server.sign(script('bash', 'echo kept'))
    const id = commandId(command)
    server.deliver(command)
    await server.result(id)
    server.drop()
    await server.until(() => server.results.get(id)?.length === 2)
    await agent.stop('stop')
    server.recordsResults = true
    await harness.online(folder)
    await server.until(() => server.results.get(id)?.length === 3)
    expect(server.results.get(id)?.[2]).toEqual(server.results.get(id)?.[0])
    // Behind the confirmation, which a lost connection would take with it.
    await server.run(script('bash', 'true'))
    server.drop()
    await server.until(() => server.welcomes === 4)
    await sleep(100)
    expect(server.results.get(id)).toHaveLength(3)
  })

  test('at most four scripts run at once, and the first accepted are the first to run', async () => {
    const folder = harness.folder()
    await harness.online(folder)
    const { server } = harness
    const gate = join(folder, 'gate')
    const waiting = `until [ -e ${gate} ]; do sleep 0.05; done`
    const commands = Array.from({ length: 6 }, (_, n) => server.sign(script('bash', n < 4 ? waiting : 'true')))
    for (const command of commands) server.deliver(command)
    await server.until(() => server.count('accepted') === 6 && server.count('started') === 4)
    await sleep(100)
    const started = () => server.frames.flatMap((frame) => (frame.type === 'started' ? [frame.commandId] : []))
    expect(started().sort()).toEqual(commands.slice(0, 4).map(commandId).sort())
    writeFileSync(gate, '')
    await server.until(() => server.count('result') === 6)
    expect(started()).toHaveLength(6)
  })

  test('a command that the owner of the device forbids is refused, and the capabilities say so', async () => {
    const folder = harness.folder()
    await harness.online(folder)
    const { server } = harness
    writeFileSync(join(folder, 'policy.json'), '{"deny":["script.python"]}', { mode: 0o644 })
    expect(await server.run(script('python', 'print(1)'))).toEqual({ state: 'rejected', reason: 'denied_locally' })
    expect(server.count('accepted')).toBe(0)
    server.send({ type: 'send_inventory', sections: ['capabilities'] })
    await server.until(() => server.count('inventory') === 1)
    const section = server.frames.find((frame) => frame.type === 'inventory')?.sections.capabilities
    expect(section?.data?.find(({ name }) => name === 'script.python')).toMatchObject({ supported: false })
    expect(section?.data?.find(({ name }) => name === 'script.bash')).toMatchObject({ supported: true })
    rmSync(join(folder, 'policy.json'))
    expect(await server.run(script('python', 'print(1)'))).toMatchObject({ state: 'succeeded', output: '1\n' })
  })

  test('a stop ends a running script and reports it as interrupted, with what it wrote', async () => {
    const agent = await harness.online()
    const { server } = harness
    const command = server.sign(script('bash', 'echo begun; sleep 30'))
    server.deliver(command)
    await server.until(() => server.count('started') === 1)
    await sleep(200)
    await agent.stop('stop')
    expect(await server.result(commandId(command))).toMatchObject({ state: 'interrupted', output: 'begun\n' })
  })

  test.each(['reboot', 'shutdown'] as const)('%s is recorded as done before it is carried out', async (action) => {
    const folder = harness.folder()
    await harness.online(folder)
    const { server } = harness
    const outcome = await server.run({ type: `power.${action}`, args: { delaySeconds: 0, reason: 'kernel update' } })
    expect(outcome).toMatchObject({ state: 'succeeded', reason: `${action} requested` })
    await server.until(() => server.count('goodbye') === 1)
    expect(server.frames.at(-1)).toEqual({ type: 'goodbye', reason: action })
    await sleep(50)
    const record = JSON.parse(readFileSync(powerRecordPath(folder), 'utf8'))
    expect(record).toMatchObject({ action, reason: 'kernel update' })
    rmSync(powerRecordPath(folder))
  })
})

function tampered(command: ReturnType<typeof harness.server.sign>) {
  return { ...command, payload: command.payload.replace('echo good', 'echo evil') }
}

function malformed() {
  const { server } = harness
  const payload = server.sign(script('bash', 'exit')).payload.replace('"bash"', '"cobol"')
  return { keyId: server.signing.id, payload, signature: signText(server.signing.key, commandMessage(payload)) }
}
