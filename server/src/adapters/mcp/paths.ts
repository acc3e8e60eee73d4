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

/** Whether there is an MCP resource at this path; each is the same one under another name (CON-1). */
export function isMcpPath(path: string): boolean {
  if ([MCP_PATH, SSE_PATH, MESSAGES_PATH, DIRECTORY_PATH].includes(path)) return true
  const areas = AREAS_OF.exec(path)?.[1]
  return areas !== undefined && areasFilter(areas) !== null
}

const AREAS_OF = new RegExp(`^${MCP_PATH}/areas/([^/]+)$`)

/** The filter that `/areas/<a>,<b>` stands for; null when a name is not an area. */
export function areasFilter(list: string): ListingFilter | null {
  const names = [...new Set(list.split(',').map((name) => name.trim()))].sort()
  return names.every(isArea) ? { areas: names } : null
}
