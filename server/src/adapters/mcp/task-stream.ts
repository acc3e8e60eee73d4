/**
 * `notifications/tasks` on a stream of `subscriptions/listen` (SEP-2663): each says of a task what `tasks/get` would say at that
 * moment, and is looked up as `tasks/get` would be. The library's stream knows no tasks; they are woven in here.
 */
import { setTimeout as pause } from 'node:timers/promises'
import {
  CLIENT_CAPABILITIES_META_KEY,
  ProtocolError,
  type Result,
  SUBSCRIPTION_ID_META_KEY,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { RequestId } from './json-rpc.ts'
import { closeQuietly } from './streams.ts'
import { type Task, TASKS, type TaskSource, detailed } from './tasks.ts'

/** Of one stream; further ones are not agreed to. */
export const MOST_WATCHED = 20
/** Between two looks at one task: each costs what a poll costs. */
const LEAST_MS = 2000
/** What happens on another node wakes nobody here. */
const LOOK_AGAIN_MS = 10_000
const KEEP_ALIVE_MS = 15_000

export interface TaskListening {
  /** With the rights that the asker has now; null once the credential opens nothing. */
  source(): Promise<TaskSource | null>
  /** Told when a task may have changed; answers how to end that. */
  subscribe(taskId: string, wake: () => void): () => void
  failed(error: unknown): void
}

const listenRequest = z.object({
  params: z.object({
    notifications: z.object({ taskIds: z.array(z.string().max(200)) }),
    _meta: z.object({
      [CLIENT_CAPABILITIES_META_KEY]: z.object({ extensions: z.record(z.string(), z.unknown()).optional() }),
    }),
  }),
})

/** The tasks a listening client wants to be told of, and whether it declares the extension. Null: it asks for none. */
export function tasksAskedFor(body: unknown): { taskIds: string[]; declared: boolean } | null {
  const parsed = listenRequest.safeParse(body)
  if (!parsed.success) return null
  // oxlint-disable-next-line no-underscore-dangle -- the protocol's name
  const { notifications, _meta: meta } = parsed.data.params
  const { extensions = {} } = meta[CLIENT_CAPABILITIES_META_KEY]
  return {
    taskIds: [...new Set(notifications.taskIds)].slice(0, MOST_WATCHED),
    declared: Object.hasOwn(extensions, TASKS),
  }
}

const acknowledgement = z.looseObject({
  params: z.looseObject({ notifications: z.record(z.string(), z.unknown()) }),
})

/** `response`: the library's stream, whose first event acknowledges what it will tell of. */
export async function weaveTasks(
  response: Response,
  id: RequestId,
  taskIds: readonly string[],
  listening: TaskListening,
): Promise<Response> {
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream')
  if (!response.body || !isStream) return response
  const agreed = await knownTasks(taskIds, listening)
  const inner = response.body.getReader()
  const gone = new AbortController()
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const others = await acknowledge(inner, controller, [...agreed.keys()])
      const ended = others ? passOn(inner, controller) : keepAlive(inner, controller, gone.signal)
      ended.catch(listening.failed)
      for (const task of agreed.values()) watch(controller, id, task, listening, gone.signal).catch(listening.failed)
    },
    async cancel(reason) {
      gone.abort()
      await inner.cancel(reason)
    },
  })
  return new Response(body, { status: response.status, headers: response.headers })
}

async function knownTasks(taskIds: readonly string[], listening: TaskListening): Promise<Map<string, Task>> {
  const source = await listening.source()
  const known = new Map<string, Task>()
  for (const taskId of taskIds) {
    try {
      const task = await source?.get(taskId)
      if (task) known.set(taskId, task)
    } catch (error) {
      // What a gate refuses is not agreed to.
      if (!(error instanceof ProtocolError)) throw error
    }
  }
  return known
}

type Reader = ReadableStreamDefaultReader<Uint8Array>
type Controller = ReadableStreamDefaultController<Uint8Array>

const encoder = new TextEncoder()
const frameOf = (message: object) => encoder.encode(`event: message\ndata: ${JSON.stringify(message)}\n\n`)

/** Adds the tasks to what is acknowledged; answers whether anything else was. */
async function acknowledge(inner: Reader, controller: Controller, taskIds: string[]): Promise<boolean> {
  const { value } = await inner.read()
  const data = /^data: (.*)$/m.exec(new TextDecoder().decode(value))?.[1]
  const said = acknowledgement.parse(JSON.parse(data ?? ''))
  const { notifications } = said.params
  controller.enqueue(frameOf({ ...said, params: { ...said.params, notifications: { ...notifications, taskIds } } }))
  return Object.keys(notifications).length > 0
}

async function passOn(inner: Reader, controller: Controller): Promise<void> {
  for (;;) {
    const { done, value } = await inner.read()
    if (done) return closeQuietly(controller)
    controller.enqueue(value)
  }
}

/** With nothing else to tell the library ends its own stream at once. */
async function keepAlive(inner: Reader, controller: Controller, gone: AbortSignal): Promise<void> {
  await inner.cancel()
  while (await slept(KEEP_ALIVE_MS, gone)) controller.enqueue(encoder.encode(': keepalive\n\n'))
}

const nothing = (): void => undefined

function notification(said: Result, id: RequestId): Uint8Array {
  // oxlint-disable-next-line no-underscore-dangle -- the protocol's name
  const params = { ...said, _meta: { ...said._meta, [SUBSCRIPTION_ID_META_KEY]: id } }
  return frameOf({ jsonrpc: '2.0', method: 'notifications/tasks', params })
}

/** Until the task has ended, is not its asker's any more, or nobody listens. */
async function watch(
  controller: Controller,
  id: RequestId,
  first: Task,
  listening: TaskListening,
  gone: AbortSignal,
): Promise<void> {
  let wake = nothing
  let changed = false
  const unsubscribe = listening.subscribe(first.taskId, () => {
    changed = true
    wake()
  })
  try {
    let task: Task | null = first
    for (let told = ''; task; task = await look(first.taskId, listening)) {
      if (gone.aborted) return
      const said = detailed(task)
      // Its time to live grows with every look.
      const now = JSON.stringify({ ...said, ttlMs: null })
      // A client that does not read is told the state of when it does.
      if (now !== told && (controller.desiredSize ?? 0) > -MOST_WATCHED) {
        controller.enqueue(notification(said, id))
        told = now
      }
      if (now === told && task.status !== 'working' && task.status !== 'input_required') return
      changed = false
      if (!(await slept(LEAST_MS, gone))) return
      if (!changed) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve
        })
        await Promise.race([woken, slept(LOOK_AGAIN_MS, gone)])
      }
    }
  } finally {
    unsubscribe()
  }
}

/** Null once it is no task of the asker's any more. A database that is away for a moment ends nothing. */
async function look(taskId: string, listening: TaskListening): Promise<Task | null> {
  for (;;) {
    try {
      const source = await listening.source()
      return (await source?.get(taskId)) ?? null
    } catch (error) {
      listening.failed(error)
      if (error instanceof ProtocolError) return null
      await pause(LOOK_AGAIN_MS, undefined, { ref: false })
    }
  }
}

/** False when nobody listens any more. */
async function slept(ms: number, gone: AbortSignal): Promise<boolean> {
  try {
    await pause(ms, undefined, { signal: gone, ref: false })
    return true
  } catch (error) {
    if (gone.aborted) return false
    throw error
  }
}
