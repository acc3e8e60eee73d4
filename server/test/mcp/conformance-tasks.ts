/**
 * The suite's task tools, over a source of tasks in memory. Who may ask, the shapes and the methods are the product's own;
 * here is only what these tools do.
 */
import { randomUUID } from 'node:crypto'
import { type CallToolResult, type InputRequests, acceptedContent, inputRequired } from '@modelcontextprotocol/server'
import type { FixtureTool } from '../../src/adapters/mcp/fixtures.ts'
import { type Task, type TaskSource, declaresTasks, tasksNeeded } from '../../src/adapters/mcp/tasks.ts'

const TTL_MS = 60_000

/** What changes in a task, and what it asks of whom it waits for. */
type Change =
  | { status: 'working' | 'cancelled' }
  | { status: 'completed'; result: CallToolResult }
  | { status: 'failed'; error: { code: number; message: string } }
  | { status: 'input_required'; inputRequests: InputRequests }

const tasks = new Map<string, { task: Task; answered: Map<string, unknown>; whenAnswered: () => void }>()

const isOver = ({ status }: Task) => status !== 'working' && status !== 'input_required'

function start(): { task: Task; change(change: Change): void; asks(inputRequests: InputRequests): Promise<void> } {
  const now = new Date()
  const base = { taskId: randomUUID(), createdAt: now, lastUpdatedAt: now, ttlMs: TTL_MS, pollIntervalMs: 200 }
  const entry = {
    task: { ...base, status: 'working' } as Task,
    answered: new Map(),
    whenAnswered: () => undefined as void,
  }
  tasks.set(base.taskId, entry)
  const change = (to: Change) => {
    if (!isOver(entry.task)) entry.task = { ...base, lastUpdatedAt: new Date(), ...to }
  }
  const asks = (inputRequests: InputRequests) =>
    new Promise<void>((resolve) => {
      entry.whenAnswered = resolve
      change({ status: 'input_required', inputRequests })
    })
  return { task: entry.task, change, asks }
}

export const TASK_SOURCE: TaskSource = {
  get: (taskId) => tasks.get(taskId)?.task ?? null,
  update(taskId, inputResponses) {
    const entry = tasks.get(taskId)
    if (!entry) return false
    if (entry.task.status !== 'input_required') return true
    const open = Object.entries(entry.task.inputRequests).filter(([key]) => !Object.hasOwn(inputResponses, key))
    for (const key of Object.keys(entry.task.inputRequests)) {
      if (Object.hasOwn(inputResponses, key)) entry.answered.set(key, inputResponses[key])
    }
    entry.task = { ...entry.task, lastUpdatedAt: new Date(), inputRequests: Object.fromEntries(open) }
    if (open.length === 0) entry.whenAnswered()
    return true
  },
  cancel(taskId) {
    const entry = tasks.get(taskId)
    if (!entry) return false
    if (!isOver(entry.task)) entry.task = { ...entry.task, status: 'cancelled' }
    return true
  },
}

const text = (value: string): CallToolResult => ({ content: [{ type: 'text', text: value }] })

type Handle = FixtureTool['handle']
type Schema = FixtureTool['tool']['inputSchema']
const tool = (name: string, handle: Handle, properties: Schema['properties'] = {}): [string, FixtureTool] => [
  name,
  { tool: { name, description: `Fixture ${name}.`, inputSchema: { type: 'object', properties } }, handle },
]

/** After a while, unless it was cancelled meanwhile. */
function later(ms: number, change: Change): ReturnType<Handle> {
  const job = start()
  setTimeout(() => job.change(change), ms).unref()
  return { started: job.task }
}

function asking(inputRequests: InputRequests): ReturnType<Handle> {
  const job = start()
  void job.asks(inputRequests).then(() => job.change({ status: 'completed', result: text('Answered.') }))
  return { started: job.task }
}

const question = (message: string) =>
  inputRequired.elicit({
    message,
    requestedSchema: { type: 'object', properties: { confirm: { type: 'boolean' } }, required: ['confirm'] },
  })
const askName = inputRequired.elicit({
  message: 'What is your name?',
  requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
})
const failure: CallToolResult = { ...text('This job always fails.'), isError: true }

export const TASK_TOOLS: [string, FixtureTool][] = [
  tool('greet', ({ name }) => text(`Hello, ${String(name)}!`), { name: { type: 'string' } }),
  tool(
    'slow_compute',
    async ({ seconds }, context) => {
      const ms = Number(seconds ?? 0) * 1000
      const result = text(`Computed for ${ms} ms.`)
      if (ms > 0 && declaresTasks(context)) return later(ms, { status: 'completed', result })
      await new Promise((resolve) => setTimeout(resolve, ms))
      return result
    },
    { seconds: { type: 'number' }, label: { type: 'string' } },
  ),
  tool('failing_job', (_input, context) => {
    if (!declaresTasks(context)) throw tasksNeeded()
    return later(500, { status: 'completed', result: failure })
  }),
  tool('protocol_error_job', () =>
    later(200, { status: 'failed', error: { code: -32603, message: 'The job broke down.' } }),
  ),
  tool('confirm_delete', ({ filename }) => asking({ go_ahead: question(`Delete ${String(filename)}?`) }), {
    filename: { type: 'string' },
  }),
  tool('multi_input', () => asking({ first: question('The first?'), second: question('The second?') })),
  tool('test_tool_with_task', (_input, context) => {
    if (!declaresTasks(context)) throw tasksNeeded()
    const name = acceptedContent(context.mcpReq.inputResponses, 'user_name')?.['name']
    if (typeof name !== 'string') return inputRequired({ inputRequests: { user_name: askName } })
    return later(200, { status: 'completed', result: text(`Hello, ${name}!`) })
  }),
]
