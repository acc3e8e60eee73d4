/** Calls and their tasks as a client of 2026-07-28 sees them on the wire. */
import { modern, post, WITH_TASKS } from './wire.ts'

export interface ToolResult extends Record<string, unknown> {
  resultType?: string
  content?: { type: string; text: string }[]
  structuredContent?: Record<string, unknown>
  isError?: boolean
}
export interface TaskResult extends ToolResult {
  taskId: string
  status: string
  statusMessage?: string
  createdAt: string
  ttlMs: number | null
  pollIntervalMs: number
  result?: ToolResult
}

export interface Reply {
  status: number
  result?: TaskResult
  error?: { code: number; message: string; data?: Record<string, unknown> }
}

export interface More {
  capabilities?: object
  headers?: Record<string, string>
}

export function tasksOf(address: () => string) {
  const send = async (
    key: string,
    method: string,
    params: Record<string, unknown>,
    more: More = {},
  ): Promise<Reply> => {
    const { body, headers } = modern(method, params, 1, more.capabilities ?? WITH_TASKS)
    const response = await post(address(), body, { key, headers: { ...headers, ...more.headers } })
    // Read as JSON-RPC; each test looks at the fields it knows to be there.
    return { status: response.status, ...((await response.json()) as object) }
  }
  const call = (key: string, name: string, input: object, more?: More) =>
    send(key, 'tools/call', { name, arguments: input }, more)
  const get = async (key: string, taskId: string): Promise<TaskResult> => {
    const reply = await send(key, 'tasks/get', { taskId })
    if (!reply.result) throw new Error(JSON.stringify(reply))
    return reply.result
  }
  return {
    send,
    call,
    get,
    /** A call that goes on as a task; anything else fails the test. */
    async start(key: string, name: string, input: object): Promise<TaskResult> {
      const { result, error } = await call(key, name, input)
      if (result?.resultType !== 'task') throw new Error(JSON.stringify({ result, error }))
      return result
    },
    async ended(key: string, taskId: string): Promise<TaskResult> {
      for (const deadline = Date.now() + 15_000; Date.now() < deadline;) {
        const task = await get(key, taskId)
        if (task.status !== 'working') return task
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      throw new Error('the task did not end')
    },
  }
}
