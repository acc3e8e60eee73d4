/** Frames from agents: text that an untrusted machine wrote, made safe to store before anything else reads it. */
import { type AgentFrame, agentFrame } from '@breeze/contract/agent-protocol'
import { plausibleTime } from '../../kernel/plausible-time.ts'

/** Undefined for what is not JSON: one more shape that the schema refuses. */
export function readFrame(text: string): unknown {
  try {
    return UNSTORABLE.test(text) ? JSON.parse(text, storable) : JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Null for what is no frame of this protocol. `value` comes from `readFrame`. */
export function parseAgentFrame(value: unknown, now: Date): AgentFrame | null {
  const parsed = agentFrame.safeParse(value)
  return parsed.success ? withPlausibleTimes(parsed.data, now) : null
}

/** Raw text that was read as UTF-8 holds neither: only an escape can bring one in. A reviver costs ten times the parsing. */
const UNSTORABLE = /\\u(?:0000|d[89a-f])/i

/** PostgreSQL stores neither U+0000 nor half a surrogate pair: one such character would fail a whole batch. */
function storable(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\ufffd') : value
}

/** The device's own times are kept where a clock could show them; the schema alone lets the year 0000 through. */
function withPlausibleTimes(frame: AgentFrame, now: Date): AgentFrame {
  if (frame.type === 'result') {
    const { startedAt, finishedAt, ...outcome } = frame.outcome
    return {
      ...frame,
      outcome: {
        ...outcome,
        ...(isPlausible(startedAt) && { startedAt }),
        ...(isPlausible(finishedAt) && { finishedAt }),
      },
    }
  }
  if (frame.type === 'started' && !isPlausible(frame.startedAt)) return { ...frame, startedAt: now.toISOString() }
  if (frame.type === 'inventory') {
    for (const section of Object.values(frame.sections)) {
      if (section && !isPlausible(section.collectedAt)) section.collectedAt = now.toISOString()
    }
  }
  return frame
}

const isPlausible = (time: string | undefined): time is string => plausibleTime(time) !== null

/** Bounded, because a clock may be off by centuries and a column is not. */
export function clockSkewMs(sentAt: string, now: Date): number | null {
  const skew = Date.parse(sentAt) - now.getTime()
  return Number.isNaN(skew) ? null : Math.max(-2_000_000_000, Math.min(2_000_000_000, Math.round(skew)))
}
