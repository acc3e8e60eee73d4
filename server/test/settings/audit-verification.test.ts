import { describe, expect, it, vi } from 'vitest'
import manageAudit from '../../src/domains/audit/tools/manage-audit.ts'
import type { Verification } from '../../src/kernel/audit/verify.ts'
import type { RunContext, SettleContext } from '../../src/kernel/tool.ts'

/** A call by somebody of the partner's own; the verification is the test's to end. */
function asker(verify: () => Promise<Verification>) {
  const audit = { verify }
  return async (signal: AbortSignal, now = () => new Date(0)) => {
    // Only what the tool reads of its context is here; the whole of it is tested through the door.
    const context = { caller: { partner: { permissions: new Set(['audit.read']) } } } as unknown as RunContext
    const pending = await manageAudit.parse({ action: 'verify' }).run(context, [])
    return pending.settle({ services: { audit }, signal, now } as unknown as SettleContext)
  }
}

describe('a verification that outlasts its call', () => {
  it('is waited for by the next one, and heard once when nobody was waiting', async () => {
    const walks: PromiseWithResolvers<Verification>[] = []
    const ask = asker(() => {
      const walk = Promise.withResolvers<Verification>()
      walks.push(walk)
      return walk.promise
    })
    const whole = { ok: true, entries: 7, checkpoints: 0 }
    await expect(ask(AbortSignal.abort())).rejects.toThrow('still under way')
    const joined = ask(new AbortController().signal)
    walks[0]?.resolve(whole)
    expect((await joined).data).toMatchObject({ entries: 7 })
    expect(walks).toHaveLength(1)

    await expect(ask(AbortSignal.abort())).rejects.toThrow('still under way')
    walks[1]?.resolve({ ...whole, entries: 8 })
    await walks[1]?.promise
    expect((await ask(new AbortController().signal)).data).toMatchObject({ entries: 8 })
    const fresh = ask(new AbortController().signal)
    await vi.waitFor(() => expect(walks).toHaveLength(3), 10_000)
    walks[2]?.resolve({ ...whole, entries: 9 })
    expect((await fresh).data).toMatchObject({ entries: 9 })
  })

  it('is not heard late, and a failed one is not kept', async () => {
    let count = 0
    const ask = asker(async () => {
      count += 1
      await new Promise((resolve) => setTimeout(resolve, 20))
      if (count === 2) throw new Error('the database is gone')
      return { ok: true, entries: count, checkpoints: 0 }
    })
    await expect(ask(AbortSignal.abort())).rejects.toThrow('still under way')
    await new Promise((resolve) => setTimeout(resolve, 60))
    const later = new Date(120_000)
    await expect(ask(new AbortController().signal, () => later)).rejects.toThrow('the database is gone')
    expect((await ask(new AbortController().signal, () => later)).data).toMatchObject({ entries: 3 })
  })
})
