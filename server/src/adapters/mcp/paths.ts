/** The addresses of the one logical MCP resource; the variants narrow what `tools/list` shows, nothing else. */
import { AREAS, type Area } from '@breeze/contract/governance'
import type { ListingFilter } from '../../kernel/kernel.ts'

export const MCP_PATH = '/api/v1/mcp'
export const SSE_PATH = `${MCP_PATH}/sse`
export const MESSAGES_PATH = `${MCP_PATH}/messages`
export const DIRECTORY_PATH = `${MCP_PATH}/directory`
export const AREAS_PATH = `${MCP_PATH}/areas/:areas`

const known: ReadonlySet<string> = new Set(AREAS)
const isArea = (name: string): name is Area => known.has(name)

/** The filter that `/areas/<a>,<b>` stands for; null when a name is not an area. */
export function areasFilter(list: string): ListingFilter | null {
  const names = [...new Set(list.split(',').map((name) => name.trim()))].sort()
  return names.every(isArea) ? { areas: names } : null
}
