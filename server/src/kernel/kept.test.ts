import { expect, it } from 'vitest'
import { z } from 'zod'
import { defineTool, type RunContext, type SettleContext, type ToolSpec } from './tool.ts'

const input = z.object({ name: z.string(), text: z.string(), secrets: z.record(z.string(), z.string()) })
const output = z.object({ said: z.string() })
const toolOf = (more: Pick<ToolSpec<typeof input, typeof output, { n: number }, { n: number }>, 'outlivesCall'>) =>
  defineTool({
    name: 'greet',
    title: 'Greet',
    description: 'Greets.',
    area: 'devices',
    surfaces: ['mcp'],
    actions: { tier: 3, permission: 'devices.execute' },
    input,
    output,
    ...more,
    run: async () => ({ n: 2 }),
    settle: async (_context, { n }) => ({ n: n + 1 }),
    present: ({ n }, { name }) => ({ text: `${name} ${n}`, data: { said: `${name} ${n}` } }),
  })
const given = { name: 'Ada', text: 'x'.repeat(5000), secrets: { PASSWORD: 'hunter2' } }
// None of these steps looks at its context.
const run = {} as RunContext
const settle = {} as SettleContext

it('answers again from what is kept of an act, which holds no secret and no long text', async () => {
  const tool = toolOf({ outlivesCall: true })
  const pending = await tool.parse(given).run(run, [])
  const kept: unknown = JSON.parse(JSON.stringify(pending.kept))
  expect(kept).toEqual({ ran: { n: 2 }, input: { name: 'Ada', text: 'x'.repeat(1000), secrets: '[masked]' } })
  if (!pending.kept) throw new Error('nothing is kept')
  expect(await tool.resume(pending.kept).settle(settle)).toEqual(await pending.settle(settle))
})

it('keeps nothing of an act that is done with its call', async () => {
  expect((await toolOf({}).parse(given).run(run, [])).kept).toBeNull()
})
