/**
 * The tasks extension (io.modelcontextprotocol/tasks, SEP-2663) on revision 2026-07-28: the shapes on the wire, who may ask,
 * and the three methods. What a task is, its source says: for Breeze that is an operation, read through the door.
 */
import {
  CLIENT_CAPABILITIES_META_KEY,
  type CallToolResult,
  type InputRequests,
  type McpServer,
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ProtocolErrorCode,
  type Result,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { z } from 'zod'

export const TASKS = 'io.modelcontextprotocol/tasks'

/** What the extension calls a task, with its result, error or questions in it as its status wants. */
export type Task = {
  taskId: string
  statusMessage?: string
  createdAt: Date
  lastUpdatedAt: Date
  /** From its creation; null where it is not known yet. */
  ttlMs: number | null
  pollIntervalMs: number
} & (
  | { status: 'working' | 'cancelled' }
  | { status: 'input_required'; inputRequests: InputRequests }
  | { status: 'completed'; result: CallToolResult }
  | { status: 'failed'; error: { code: number; message: string; data?: unknown } }
)

/** Null, or false, for what is no task of whoever asks. */
export interface TaskSource {
  get(taskId: string): Promise<Task | null> | Task | null
  update(taskId: string, inputResponses: Readonly<Record<string, unknown>>): Promise<boolean> | boolean
  cancel(taskId: string): Promise<boolean> | boolean
}

/** A call that goes on as a task, in place of its result. */
export interface Started {
  started: Task
}
export const isStarted = (result: object): result is Started => 'started' in result

/** Each request says for itself what its client can do; what an earlier one said does not count. */
export function declaresTasks({ mcpReq }: Pick<ServerContext, 'mcpReq'>): boolean {
  const capabilities = inside(mcpReq.envelope, CLIENT_CAPABILITIES_META_KEY)
  const declared = inside(inside(capabilities, 'extensions'), TASKS)
  return typeof declared === 'object' && declared !== null
}

/** Thrown where only a client that declares the extension can be answered. */
export const tasksNeeded = () =>
  new MissingRequiredClientCapabilityError({ requiredCapabilities: { extensions: { [TASKS]: {} } } })

/** The answer of a call that goes on: the bare task. What came of it `tasks/get` tells. */
export function startedResult({ started }: Started): Result {
  return { ...bare(started), resultType: 'task' }
}

export function detailed(task: Task): Result {
  const { status } = task
  if (status === 'completed') return { ...bare(task), result: task.result }
  if (status === 'failed') return { ...bare(task), error: task.error }
  return status === 'input_required' ? { ...bare(task), inputRequests: task.inputRequests } : bare(task)
}

function bare({ taskId, status, statusMessage, createdAt, lastUpdatedAt, ttlMs, pollIntervalMs }: Task): Result {
  return {
    taskId,
    status,
    ...(statusMessage !== undefined && { statusMessage }),
    createdAt: createdAt.toISOString(),
    lastUpdatedAt: lastUpdatedAt.toISOString(),
    ttlMs,
    pollIntervalMs,
  }
}

/** Nobody learns whether a task that is not theirs exists. */
const noSuchTask = () => new ProtocolError(ProtocolErrorCode.InvalidParams, 'There is no such task.')

const params = z.looseObject({ taskId: z.string().max(200) })

/** `Mcp-Name` was compared with the task's id before any of these is reached. */
export function serveTasks(
  { server }: McpServer,
  sourceFor: (context: ServerContext) => TaskSource,
  guarded: <T>(work: () => Promise<T>) => Promise<T>,
): void {
  type Work = (source: TaskSource, taskId: string, context: ServerContext) => Promise<Result | null>
  const serve = (method: string, work: Work) => {
    server.setRequestHandler(method, { params }, ({ taskId }, context) =>
      guarded(async () => {
        if (!declaresTasks(context)) throw tasksNeeded()
        const result = await work(sourceFor(context), taskId, context)
        if (result === null) throw noSuchTask()
        return result
      }),
    )
  }
  serve('tasks/get', async (source, taskId) => {
    const task = await source.get(taskId)
    return task && detailed(task)
  })
  // The library takes the answers out of the parameters of every method.
  serve('tasks/update', async (source, taskId, { mcpReq }) =>
    (await source.update(taskId, { ...mcpReq.inputResponses })) ? {} : null,
  )
  serve('tasks/cancel', async (source, taskId) => ((await source.cancel(taskId)) ? {} : null))
}

const inside = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
