/** Official clients whose person a test plays: what they were asked, and what they say. */
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport as SseV1 } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'
import { WITH_TASKS } from '../mcp/wire.ts'

export interface Said {
  action: 'accept' | 'decline'
  content?: Record<string, boolean>
}
export const YES: Said = { action: 'accept', content: { go_ahead: true } }
export const NO: Said = { action: 'decline' }

export interface Result extends Record<string, unknown> {
  isError?: boolean | undefined
  structuredContent?: Record<string, unknown> | undefined
  taskId?: string | undefined
  status?: string | undefined
  result?: Result | undefined
}

export interface AskedClient {
  questions: string[]
  call(name: string, input: object): Promise<Result>
  /** Of clients that declare the extension. */
  task(taskId: string): Promise<Result>
  close(): Promise<void>
}

export type Person = () => Said | Promise<Said>
export type Open = (mcp: string, key: string, person: Person) => Promise<AskedClient>

const NAME = { name: 'asked', version: '1.0.0' }
const headers = (key: string) => ({ requestInit: { headers: { 'x-api-key': key } } })
const noTasks = () => Promise.reject(new Error('this client knows no tasks'))

function v1(path: '' | '/sse', capabilities: object): Open {
  return async (mcp, key, person) => {
    const questions: string[] = []
    const client = new ClientV1(NAME, { capabilities })
    if ('elicitation' in capabilities) {
      client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
        questions.push(params.message)
        return { ...(await person()) }
      })
    }
    const url = new URL(mcp + path)
    const transport = path === '' ? new HttpV1(url, headers(key)) : new SseV1(url, headers(key))
    // The package's own transports do not satisfy its Transport type under exactOptionalPropertyTypes.
    await client.connect(transport as Parameters<typeof client.connect>[0])
    const call: AskedClient['call'] = async (name, input) => ({
      ...(await client.callTool({ name, arguments: { ...input } })),
    })
    return { questions, call, task: noTasks, close: () => client.close() }
  }
}

function v2(capabilities: object): Open {
  return async (mcp, key, person) => {
    const questions: string[] = []
    const client = new ClientV2(NAME, { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } })
    if ('elicitation' in capabilities) {
      client.setRequestHandler('elicitation/create', async ({ params }) => {
        questions.push(params.message)
        return { ...(await person()) }
      })
    }
    // The library itself hands out no task, so what it read is looked at on the way.
    let answered: unknown
    const watching: typeof fetch = async (...request) => {
      const response = await fetch(...request)
      if (response.headers.get('content-type')?.includes('json')) answered = await response.clone().json()
      return response
    }
    await client.connect(new HttpV2(new URL(mcp), { ...headers(key), fetch: watching }))
    return {
      questions,
      async call(name, input) {
        try {
          return { ...(await client.callTool({ name, arguments: { ...input } })) }
        } catch (error) {
          const { result } = z.object({ result: z.looseObject({}).optional() }).parse(answered)
          if (result?.['resultType'] !== 'task') throw error
          return result
        }
      },
      task: async (taskId) => client.request({ method: 'tasks/get', params: { taskId } }, z.looseObject({})),
      close: () => client.close(),
    }
  }
}

export const ASKED_CLIENTS: Record<string, { open: Open; asks: boolean; tasks: boolean }> = {
  'v1 over Streamable HTTP': { open: v1('', { elicitation: {} }), asks: true, tasks: false },
  'v1 over HTTP+SSE': { open: v1('/sse', { elicitation: {} }), asks: true, tasks: false },
  'v2 on 2026-07-28': { open: v2({ elicitation: {} }), asks: true, tasks: false },
  'v2 that declares tasks': { open: v2(WITH_TASKS), asks: false, tasks: true },
  'v2 that declares tasks and asks': { open: v2({ ...WITH_TASKS, elicitation: {} }), asks: true, tasks: true },
  'v1 that declares nothing': { open: v1('', {}), asks: false, tasks: false },
  'v2 that declares nothing': { open: v2({}), asks: false, tasks: false },
}
