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
  /** It offers an act of tier 3: a person should see each call of it. */
  readonly highImpact?: true
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
  /** Of a call that waits for a second person: until when, and where they decide. */
  approval?: { expires_at: string; url: string }
}

/** How a call ended. `data` matches the tool's output schema. */
export type Outcome =
  | {
      status: 'done'
      text: string
      data: Readonly<Record<string, unknown>>
      auditEntry: string | null
      goesOn?: GoesOn
    }
  /** `ask`: its policy wants a person asked through the protocol, where the client can do that. */
  | { status: 'held'; text: string; hold: Hold; auditEntry: string; ask?: boolean; goesOn?: GoesOn }
  /** Refused by a gate: nothing ran. */
  | { status: 'refused'; denial: Denial; auditEntry: string }
  /** Let in, and failed. */
  | { status: 'failed'; denial: Denial; auditEntry: string }

export type Denied = Extract<Outcome, { status: 'refused' | 'failed' }>

/** Of a call that is followed and has not ended with its answer: its operation, which `follow` tells of. */
export interface GoesOn {
  operation: string
  createdAt: Date
}

/** A call that is followed, as it stands now. */
export type FollowedCall = {
  operation: string
  tool: string
  createdAt: Date
  changedAt: Date
  endedAt: Date | null
} & (
  | { state: 'waiting' | 'working' | 'cancelled'; message: string }
  /** What the call itself would have answered, had it waited. */
  | { state: 'ended'; outcome: Outcome }
)

export interface InvokeOptions {
  /** The caller has gone: ends the waiting, never the work. */
  signal?: AbortSignal
  surface: Surface
  /**
   * What the client says its person answered when it was asked through the protocol, about the confirmation in the input.
   * The client may have made it up: it confirms as a token does, and counts for no second person.
   */
  answered?: 'accepted' | 'declined' | undefined
  /** The client can ask its person through the protocol: where the policy wants that, a token alone is not enough. */
  canAsk?: boolean
  /** The caller can follow what goes on after the answer: it is waited for a few seconds only, and kept to be told of. */
  followed?: boolean
  /** Told how many devices have finished, more each time, while the call waits for them. */
  onProgress?: ((done: number, total: number) => void) | undefined
}

export interface Kernel {
  list(caller: Caller, surface: Surface, filter?: ListingFilter): Listing
  /** The scope this very input needs and the caller lacks, before anything is run or audited; null when none is. */
  missingScope(caller: Caller, tool: string, input: unknown): Scope | null
  /** The one door. Never throws: what went wrong is an outcome, and it is in the audit. */
  invoke(caller: Caller, tool: string, input: unknown, options: InvokeOptions): Promise<Outcome>
  /**
   * What became of a followed call of this very principal: gated, audited and bounded as `get_operation` is. `not_found` for
   * what is absent or another's.
   */
  follow(caller: Caller, operation: string): Promise<{ status: 'found'; call: FollowedCall } | Denied>
  /** Records a throttled message (the adapters' limits): the first at once, then one aggregate a minute. */
  throttled(caller: Caller, limit: 'messages' | 'sse_connections' | 'sse_sessions', retryAfterSeconds: number): void
}
