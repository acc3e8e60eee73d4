import { type ServerFrame, serverFrame } from '@breeze/contract/agent-protocol'

export type ParsedFrame = { kind: 'frame'; frame: ServerFrame } | { kind: 'unreadable'; reason: string }

/** The edge: beyond it a frame is typed. An unreadable one may also be a newer server's, so it is no reason to hang up. */
export function parseServerText(text: string): ParsedFrame {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { kind: 'unreadable', reason: 'not JSON' }
  }
  return parseServerFrame(json)
}

export function parseServerFrame(json: unknown): ParsedFrame {
  const parsed = serverFrame.safeParse(json)
  if (parsed.success) return { kind: 'frame', frame: parsed.data }
  const [issue] = parsed.error.issues
  return { kind: 'unreadable', reason: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown'}`.slice(0, 200) }
}
