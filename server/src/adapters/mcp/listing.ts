/** `tools/list`: the kernel's frozen listing, turned into protocol objects once per signature. */
import { type ListToolsResult, ProtocolError, ProtocolErrorCode, type Tool } from '@modelcontextprotocol/server'
import type { Caller } from '../../kernel/caller.ts'
import { listedInput, listedOutput } from './listed-schema.ts'
import type { Kernel, ListedTool, Listing, ListingFilter } from '../../kernel/kernel.ts'

/** More tools than any client takes at once; below it the list is one page. */
const PAGE = 250
/** Distinct sets of rights whose lists are kept. */
const KEPT = 64

export class ToolLists {
  readonly #kernel: Kernel
  readonly #kept = new Map<string, Tool[]>()

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  list(caller: Caller, filter: ListingFilter, cursor: string | undefined): ListToolsResult {
    return page(this.#tools(this.#kernel.list(caller, 'mcp', filter)), cursor)
  }

  #tools(listing: Listing): Tool[] {
    const kept = this.#kept.get(listing.signature)
    if (kept) return kept
    const tools = listing.tools.map(protocolTool)
    if (this.#kept.size >= KEPT) {
      const oldest = this.#kept.keys().next()
      if (!oldest.done) this.#kept.delete(oldest.value)
    }
    this.#kept.set(listing.signature, tools)
    return tools
  }
}

function protocolTool(tool: ListedTool): Tool {
  // The kernel's schemas are JSON Schema objects with an object at their root; its type says only "record".
  return {
    name: tool.name,
    title: tool.title,
    description: tool.description,
    inputSchema: listedInput(tool.inputSchema) as Tool['inputSchema'],
    outputSchema: listedOutput(tool.outputSchema) as NonNullable<Tool['outputSchema']>,
    annotations: tool.annotations,
    // Claude Code then shows every call to its person, in the modes too that approve by themselves.
    ...(tool.highImpact && { _meta: { 'anthropic/requiresUserInteraction': true } }),
  }
}

/** The cursor is the last name of the page before: it stays valid when the list changes between pages. */
function page(tools: Tool[], cursor: string | undefined): ListToolsResult {
  if (cursor === undefined && tools.length <= PAGE) return { tools }
  const after = cursor === undefined ? '' : Buffer.from(cursor, 'base64url').toString()
  const from = after === '' ? 0 : tools.findIndex((tool) => tool.name === after) + 1
  if (cursor !== undefined && from === 0) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'Unknown cursor')
  const slice = tools.slice(from, from + PAGE)
  const last = slice.at(-1)
  return from + PAGE < tools.length && last
    ? { tools: slice, nextCursor: Buffer.from(last.name).toString('base64url') }
    : { tools: slice }
}
