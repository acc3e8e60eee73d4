import { describe, expect, it } from 'vitest'
import { SharedLookUp } from './shared-look-up.ts'

/** Look-ups that end when told, and answer what is true when they begin. */
function source() {
  const pending: (() => void)[] = []
  let truth = 'old'
  return {
    pending,
    change: (value: string) => (truth = value),
    look: () => {
      const seen = truth
      return new Promise<string>((resolve) => pending.push(() => resolve(seen)))
    },
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('a shared look-up', () => {
  it('never answers with what was true before the request came', async () => {
    const { pending, change, look } = source()
    const shared = new SharedLookUp<string>()
    const first = shared.ask('key', look)
    change('new')
    const later = [shared.ask('key', look), shared.ask('key', look)]
    pending.shift()?.()
    expect(await first).toBe('old')
    await turn()
    expect(pending).toHaveLength(1)
    pending.shift()?.()
    expect(await Promise.all(later)).toEqual(['new', 'new'])
  })

  it('goes on after one that failed, and forgets what nobody waits for', async () => {
    const shared = new SharedLookUp<string>()
    const failing = shared.ask('key', () => Promise.reject(new Error('gone')))
    const next = shared.ask('key', async () => 'well')
    await expect(failing).rejects.toThrow('gone')
    expect(await next).toBe('well')
    await turn()
    expect(await shared.ask('key', async () => 'again')).toBe('again')
  })

  it('keeps credentials apart', async () => {
    const shared = new SharedLookUp<string>()
    const answers = ['a', 'b'].map((key) => shared.ask(key, async () => key))
    expect(await Promise.all(answers)).toEqual(['a', 'b'])
  })
})
