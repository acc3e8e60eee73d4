import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { boot, type Harness } from '../harness.ts'

let world: Harness
beforeAll(async () => {
  world = await boot()
})
afterAll(() => world.stop())

describe('whoami', () => {
  it('tells the operator everything it may do', async () => {
    const outcome = await world.invoke(await world.operator(), 'whoami', {})
    expect(outcome).toMatchObject({ status: 'done', data: { scopes: ['all'], credential: { kind: 'operator' } } })
  })
})

describe('the audit', () => {
  it('holds a chain that verifies', async () => {
    await world.invoke(await world.operator(), 'nothing_here', {})
    await expect(world.server.services.audit.verify()).resolves.toMatchObject({ ok: true })
  })
})
