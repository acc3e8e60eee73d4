/**
 * A protocol server for one request (or one session): our two handlers on the library's server. Made fresh each time,
 * never reused; nothing is compiled here.
 */
import {
  type CallToolResult,
  McpServer,
  ProtocolError,
  ProtocolErrorCode,
  type RequestMethod,
  type ServerContext,
  type ServerNotifier,
  isInputRequiredResult,
} from '@modelcontextprotocol/server'
import type { Logger } from 'pino'
import type { Authenticator } from '../../identity/authenticate.ts'
import type { Caller } from '../../kernel/caller.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import type { Metrics } from '../http/metrics.ts'
import { callAsking } from './asking.ts'
import { type ToolCall, invokeTool, translate } from './call-tool.ts'
import { type FixtureContext, type Fixtures, asSchema } from './fixtures.ts'
import type { InFlight } from './in-flight.ts'
import { INSTRUCTIONS } from './instructions.ts'
import type { ToolLists } from './listing.ts'
import { operationTasks, startedTask } from './operation-tasks.ts'
import { callerOf, principalOf } from './principal.ts'
import { TASKS, declaresTasks, isStarted, serveTasks, startedResult } from './tasks.ts'

/** How long a client may keep a list before it asks again; rights can change, so it is never shared between callers. */
const LIST_CACHE = { ttlMs: 30_000, cacheScope: 'private' as const }

export interface ServerKit {
  kernel: Kernel
  authenticator: Authenticator
  metrics: Metrics
  log: Logger
  lists: ToolLists
  inFlight: InFlight
  version: string
  fixtures: Fixtures | null
  notify: ServerNotifier
  longestAskMs?: number | undefined
}

export interface BuildOptions {
  /** Whether this leg has a stream on which changes of the list can be told. */
  streams: boolean
  /** Whether this leg speaks the revision that has tasks. */
  tasks: boolean
  /** The tool a modern call names: only that one is registered, for the library's header checks. */
  tool: string | null
}

export function buildServer(kit: ServerKit, options: BuildOptions): McpServer {
  const server = new McpServer(
    { name: 'breeze-rmm', title: 'Breeze RMM', version: kit.version },
    {
      capabilities: {
        tools: { listChanged: options.streams },
        ...(options.tasks && { extensions: { [TASKS]: {} } }),
        ...kit.fixtures?.capabilities,
      },
      instructions: INSTRUCTIONS,
      cacheHints: { 'tools/list': LIST_CACHE, 'server/discover': LIST_CACHE },
      ...kit.fixtures?.options,
    },
  )
  const callerIn = (context: ServerContext) =>
    // Kept by the library for the session, or taken from this request's envelope: both are the right one here.
    callerOf(principalOf(context.http?.authInfo), server.server.getClientVersion())

  server.server.setRequestHandler('tools/list', (request, context) =>
    discreetly(kit, async () => {
      const { filter } = principalOf(context.http?.authInfo)
      const list = kit.lists.list(callerIn(context), filter, request.params?.cursor)
      return kit.fixtures ? { ...list, tools: [...list.tools, ...fixtureTools(kit.fixtures)] } : list
    }),
  )
  server.server.setRequestHandler('tools/call', (request, context) =>
    discreetly(kit, async () => {
      const { name, arguments: input = {} } = request.params
      const fixture = kit.fixtures?.tools.get(name)
      const result = fixture
        ? await fixture.handle(input, { ...context, notify: kit.notify })
        : await kit.inFlight.track(callBreeze(kit, server, context, { name, input, caller: callerIn(context) }))
      // The library's types know no tasks; the result passes through it as it is.
      if (isStarted(result)) return startedResult(result) as CallToolResult
      return isInputRequiredResult(result) ? result : server.server.projectCallToolResult(result, undefined)
    }),
  )
  if (options.tasks) {
    const sourceFor = (context: ServerContext) => kit.fixtures?.tasks ?? operationTasks(kit, callerIn(context))
    serveTasks(server, sourceFor, (work) => discreetly(kit, () => kit.inFlight.track(work())))
  }
  if (kit.fixtures) addFixtures(server, kit, kit.fixtures, options.tool)
  return server
}

function callBreeze(
  kit: ServerKit,
  { server }: McpServer,
  context: ServerContext,
  call: { name: string; input: Record<string, unknown>; caller: Caller },
) {
  const { name, caller } = call
  const followed = declaresTasks(context)
  const onProgress = progressOf(kit, context)
  return callAsking({
    ...call,
    server,
    context,
    longestWaitMs: kit.longestAskMs,
    answer: (outcome) =>
      'goesOn' in outcome && outcome.goesOn ? startedTask(outcome, outcome.goesOn) : translate(name, outcome),
    callerNow: async () => {
      const identity = await kit.authenticator.authenticate(principalOf(context.http?.authInfo).presented)
      return identity && { ...identity, channel: caller.channel, client: caller.client }
    },
    invoke: (by, input, options) =>
      kit.inFlight.track(
        // An answer that came late has nobody waiting for it.
        invokeTool(kit, { caller: by, name, input, signal: context.mcpReq.signal, followed, onProgress, ...options }),
      ),
    failed: (error) => kit.log.debug({ err: error }, 'a question was not answered'),
  })
}

/** At most so often is a client told how far its call is. */
const PROGRESS_MS = 200

/** For a client that asked to be told; on a leg without a stream there is no way to. */
function progressOf(kit: ServerKit, { mcpReq }: ServerContext): ToolCall['onProgress'] {
  // oxlint-disable-next-line no-underscore-dangle -- the protocol's name
  const progressToken = mcpReq._meta?.progressToken
  if (progressToken === undefined) return undefined
  let toldAt = -Infinity
  return (progress, total) => {
    if (mcpReq.signal.aborted || (progress < total && performance.now() - toldAt < PROGRESS_MS)) return
    toldAt = performance.now()
    const message = `${progress} of ${total} device${total === 1 ? ' has' : 's have'} finished`
    mcpReq
      .notify({ method: 'notifications/progress', params: { progressToken, progress, total, message } })
      .catch((error: unknown) => kit.log.debug({ err: error }, 'progress could not be told'))
  }
}

/** The library sends the message of whatever a handler throws to the client: only protocol errors may get that far. */
async function discreetly<T>(kit: ServerKit, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ProtocolError) throw error
    kit.log.error({ err: error }, 'an mcp request failed')
    throw new ProtocolError(ProtocolErrorCode.InternalError, 'Breeze could not complete this request.')
  }
}

const fixtureTools = (fixtures: Fixtures) => [...fixtures.tools.values()].map((fixture) => fixture.tool)

function addFixtures(server: McpServer, kit: ServerKit, fixtures: Fixtures, named: string | null): void {
  for (const [method, handle] of Object.entries(fixtures.methods)) {
    // The method's name is data here, so its types can't be known; the library validates the request against its schema.
    server.server.setRequestHandler(method as RequestMethod, (request, context) => {
      const withNotify: FixtureContext = { ...context, notify: kit.notify }
      return handle((request.params ?? {}) as Record<string, unknown>, withNotify) as never
    })
  }
  const tool = named === null ? undefined : fixtures.tools.get(named)?.tool
  // Its handler is never reached: ours answers every tools/call.
  if (tool) server.registerTool(tool.name, { inputSchema: asSchema(tool.inputSchema) }, () => ({ content: [] }))
}
