/** What adapters see of the kernel: list what a caller may use, and the one door through which anything acts. */
import type { Area, Denial, Scope, Surface } from '@breeze/contract/governance'
import type { Caller } from './caller.ts'
import type { Plan } from './tool.ts'

/** A tool's public face for one caller: actions, hints and schema narrowed to what that caller may do. Frozen. */
export interface ListedTool {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly inputSchema: Readonly<Record<string, unknown>>
  readonly outputSchema: Readonly<Record<string, unknown>>
  readonly annotations: {
    readonly title: string
    readonly readOnlyHint: boolean
    readonly destructiveHint: boolean
    readonly idempotentHint: boolean
    readonly openWorldHint: boolean
  }
}

export interface Listing {
  readonly tools: readonly ListedTool[]
  /** Equal for equal lists: an adapter may keep what it derives from a listing under this key. */
  readonly signature: string
}

export interface ListingFilter {
  areas?: readonly Area[]
  /** Only tools that don't mix reading with writing (the AI vendors' directories refuse the others). */
  pure?: boolean
}

export interface Hold {
  state: 'confirmation_required' | 'approval_required'
  operation: string
  plan: Plan
  confirmation?: { token: string; expires_at: string }
}

/** How a call ended. `data` matches the tool's output schema. */
export type Outcome =
  | { status: 'done'; text: string; data: Readonly<Record<string, unknown>>; auditEntry: string | null }
  | { status: 'held'; text: string; hold: Hold; auditEntry: string }
  /** Refused by a gate: nothing ran. */
  | { status: 'refused'; denial: Denial; auditEntry: string }
  /** Let in, and failed. */
  | { status: 'failed'; denial: Denial; auditEntry: string }

export interface InvokeOptions {
  /** The caller has gone: ends the waiting, never the work. */
  signal?: AbortSignal
  surface: Surface
}

export interface Kernel {
  list(caller: Caller, surface: Surface, filter?: ListingFilter): Listing
  /** The scope this very input needs and the caller lacks, before anything is run or audited; null when none is. */
  missingScope(caller: Caller, tool: string, input: unknown): Scope | null
  /** The one door. Never throws: what went wrong is an outcome, and it is in the audit. */
  invoke(caller: Caller, tool: string, input: unknown, options: InvokeOptions): Promise<Outcome>
  /** Records a throttled message (the adapters' limits): the first at once, then one aggregate a minute. */
  throttled(caller: Caller, limit: 'messages' | 'sse_connections' | 'sse_sessions', retryAfterSeconds: number): void
}
