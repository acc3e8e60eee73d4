import { expect, it } from 'vitest'
import type { Kernel, ListedTool } from '../../kernel/kernel.ts'
import { callerOf } from './principal.ts'
import { ToolLists } from './listing.ts'

const HINTS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false }
const tool = (name: string): ListedTool => ({
  name,
  title: name,
  description: name,
  inputSchema: { type: 'object' },
  outputSchema: {
    type: 'object',
    properties: { total: { type: 'integer' } },
    required: ['total'],
    additionalProperties: false,
  },
  annotations: { title: name, ...HINTS },
})

function lists(count: number) {
  const tools = Array.from({ length: count }, (_, index) => tool(`tool_${index}`))
  const kernel = { list: () => ({ tools, signature: String(count) }) } as unknown as Kernel
  return new ToolLists(kernel)
}
// Only the kernel looks at the caller.
const caller = {} as ReturnType<typeof callerOf>

it('is one page for any ordinary catalogue', () => {
  const { tools, nextCursor } = lists(160).list(caller, {}, undefined)
  expect(tools).toHaveLength(160)
  expect(nextCursor).toBeUndefined()
})

it('goes on page by page without losing or repeating a tool', () => {
  const all = lists(600)
  const names: string[] = []
  let cursor: string | undefined
  do {
    const page = all.list(caller, {}, cursor)
    names.push(...page.tools.map((each) => each.name))
    cursor = page.nextCursor
  } while (cursor)
  expect(names).toEqual(Array.from({ length: 600 }, (_, index) => `tool_${index}`))
})

it('derives the protocol objects once per signature', () => {
  const all = lists(3)
  expect(all.list(caller, {}, undefined).tools).toBe(all.list(caller, {}, undefined).tools)
})

it("promises nothing at the root that a refusal's fields would break", () => {
  expect(lists(1).list(caller, {}, undefined).tools[0]?.outputSchema).toEqual({
    type: 'object',
    properties: { total: { type: 'integer' } },
  })
})
