/** Rotating the key that signs commands: who may, what holds it, and what agents notice. */
import { commandMessage, commandPayload } from '@breeze/contract/agent-commands'
import { CLOSE } from '@breeze/contract/agent-protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { importPublicKey, verifyText } from '../../src/keys/ed25519.ts'
import type { Caller } from '../../src/kernel/caller.ts'
import { systemEnvironment } from '../../src/kernel/context.ts'
import { TestAgent } from '../agents/test-agent.ts'
import { boot, type Harness, type Organization } from '../harness.ts'
import { codeOf, hold } from '../trust/acts.ts'

let world: Harness
let acme: Organization
let admin: Caller
let clock = Date.now()
beforeAll(async () => {
  world = await boot({ environment: { ...systemEnvironment, now: () => new Date(clock) } })
  acme = await world.organization('Acme')
  admin = await world.caller(await world.key(await world.user('partner_admin'), ['administration.execute']), 'rest')
})
afterAll(() => world.stop())

const rotate = async (caller: Caller) => {
  const held = await hold(world, caller, 'rotate_signing_key', {})
  return world.invoke(caller, 'rotate_signing_key', { confirmation: held.token })
}

describe('the command-signing key', () => {
  it('is changed by a Partner Admin, under connected agents and with commands on their way', async () => {
    const place = { organizationId: acme.id, siteId: acme.siteId }
    const token = await world.server.db.worker((tx) =>
      world.server.enrollment.createToken(tx, {
        ...place,
        uses: 1,
        expiresAt: new Date(clock + 60_000),
        createdBy: systemEnvironment.newId(),
      }),
    )
    const agent = new TestAgent(world.server.url)
    await agent.enroll(token.secret)
    await agent.connect()
    const technician = await world.caller(
      await world.key(await world.user('technician', acme.id), ['ai:execute']),
      'rest',
    )
    const [first, next] = world.server.services.signingKeys.published
    const outcome = await rotate(admin)
    expect(outcome).toMatchObject({ status: 'done', data: { current: next?.id, former: [first?.id] } })
    // It is sent away to learn the key after the next.
    expect((await agent.next('error')).code).toBe('renewal')
    expect(await agent.closed).toBe(CLOSE.draining)
    agent.open()
    agent.send(agent.hello((await agent.next('challenge')).nonce))
    const { serverKeys } = await agent.next('welcome')
    expect(serverKeys.map((key) => key.id)).toEqual(world.server.services.signingKeys.published.map((key) => key.id))
    const script = { devices: agent.deviceId, content: 'true' }
    const held = await hold(world, technician, 'run_script', script)
    const started = world.invoke(technician, 'run_script', { ...script, confirmation: held.token })
    const { command } = await agent.next('command')
    expect(command.keyId).toBe(next?.id)
    const key = importPublicKey(next?.publicKey ?? '')
    agent.result(commandPayload.parse(JSON.parse(command.payload)).commandId)
    expect(codeOf(await started)).toBe('done')
    expect(key && verifyText(key, commandMessage(command.payload), command.signature)).toBe(true)
    await agent.disconnect()
  })

  it('is not changed again before agents had time to learn the first change', async () => {
    expect(codeOf(await rotate(admin))).toBe('conflict')
    clock += 16 * 60_000
    const before = world.server.services.signingKeys.currentId
    expect(codeOf(await rotate(admin))).toBe('done')
    expect(world.server.services.signingKeys.currentId).not.toBe(before)
    clock += 16 * 60_000
  })

  it('is changed once by two confirmations of one plan', async () => {
    const [one, other] = [
      await hold(world, admin, 'rotate_signing_key', {}),
      await hold(world, admin, 'rotate_signing_key', {}),
    ]
    expect(codeOf(await world.invoke(admin, 'rotate_signing_key', { confirmation: one.token }))).toBe('done')
    clock += 60_000
    // What it was shown is not so any more.
    const second = await world.invoke(admin, 'rotate_signing_key', { confirmation: other.token })
    expect(codeOf(second)).not.toBe('done')
    const replayed = await world.invoke(admin, 'rotate_signing_key', { confirmation: one.token })
    expect(codeOf(replayed)).toBe('confirmation_invalid')
  })

  it('is nothing for an organization’s own people, technicians, or a key without the scope', async () => {
    const { currentId } = world.server.services.signingKeys
    const of = async (role: string, organization: string | null, scope = 'administration.execute') =>
      world.caller(await world.key(await world.user(role, organization), [scope]), 'rest')
    for (const [caller, code] of [
      [await of('organization_admin', acme.id), 'forbidden'],
      [await of('partner_technician', null), 'forbidden'],
      [await of('partner_admin', null, 'administration.write'), 'insufficient_scope'],
      [await of('partner_admin', null, 'ai:execute'), 'insufficient_scope'],
    ] as const)
      expect(codeOf(await world.invoke(caller, 'rotate_signing_key', {}))).toBe(code)
    expect(world.server.services.signingKeys.currentId).toBe(currentId)
  })
})
