import { expect, it } from 'vitest'
import { gatedCallOf } from './json-rpc.ts'

const request = (method: string, params: unknown) => ({ jsonrpc: '2.0', id: 1, method, params })

it("judges a task's methods as calls of the tools that do the same", () => {
  const input = { operation: 'x' }
  for (const method of ['tasks/get', 'tasks/update'])
    expect(gatedCallOf(request(method, { taskId: 'x' }))).toEqual({ name: 'get_operation', input })
  expect(gatedCallOf(request('tasks/cancel', { taskId: 'x' }))).toEqual({ name: 'cancel_operation', input })
})

it('judges a call by itself, and nothing else', () => {
  const call = { name: 'list_devices', arguments: { limit: 1 } }
  expect(gatedCallOf(request('tools/call', call))).toEqual({ name: 'list_devices', input: { limit: 1 } })
  for (const other of [request('tools/list', {}), request('toString', {}), [], null, request('tasks/get', null)])
    expect(gatedCallOf(other)).toBeNull()
  expect(gatedCallOf({ jsonrpc: '2.0', method: 'tasks/get', params: { taskId: 'x' } })).toBeNull()
})
