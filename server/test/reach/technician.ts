/** A technician's assistant: an official MCP client that repeats a held call with its confirmation. */
import type { AnyClient } from '../mcp/clients.ts'

export interface Reply {
  isError: boolean
  text: string
  data: Record<string, unknown> & { devices: Record<string, unknown>[] }
}

export async function ask(client: AnyClient, name: string, input: Record<string, unknown>): Promise<Reply> {
  const first = await callOnce(client, name, input)
  if (first.data['state'] !== 'confirmation_required') return first
  const { token } = first.data['confirmation'] as { token: string }
  return callOnce(client, name, { ...input, confirmation: token })
}

export async function callOnce(client: AnyClient, name: string, input: Record<string, unknown>): Promise<Reply> {
  const result = await client.callTool({ name, arguments: input })
  const [block] = result['content'] as { text: string }[]
  // Tests look at the fields that they know to be there.
  const data = result['structuredContent'] as Reply['data']
  return { isError: result['isError'] === true, text: block?.text ?? '', data }
}
