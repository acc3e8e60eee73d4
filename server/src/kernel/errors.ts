/** Errors of the kernel: what the caller may read, apart from what only the log may. */
import type { Denial, ErrorCode, Scope } from '@breeze/contract/governance'
import { isDatabaseAway } from './database-away.ts'

export class KernelError extends Error {
  readonly denial: Denial
  /** Values of the input that the audit must not hold. */
  readonly concealed: readonly string[]

  constructor(denial: Denial, options: { cause?: unknown; concealed?: readonly string[] } = {}) {
    super(`${denial.code}: ${denial.reason}`, options)
    this.name = 'KernelError'
    this.denial = denial
    this.concealed = options.concealed ?? []
  }

  get code(): ErrorCode {
    return this.denial.code
  }
}

export function invalidInput(reason: string, remedy = 'Correct the input and call again.'): KernelError {
  return new KernelError({ code: 'invalid_input', reason, remedy })
}

/** One answer for what does not exist and for what another organization owns: neither can be told from the other. */
export function notFound(what: string, reference: string): KernelError {
  return new KernelError({
    code: 'not_found',
    reason: `No ${what} "${clip(reference)}" is visible to you.`,
    remedy: `List what you can see and use an id from there.`,
  })
}

export function ambiguous(what: string, reference: string, candidates: NonNullable<Denial['candidates']>): KernelError {
  return new KernelError({
    code: 'ambiguous',
    reason: `"${clip(reference)}" names ${candidates.length} ${what}s.`,
    remedy: 'Call again with the id of the one you mean.',
    candidates: candidates.slice(0, 20),
  })
}

export function conflict(reason: string, remedy: string): KernelError {
  return new KernelError({ code: 'conflict', reason, remedy })
}

export function forbidden(reason: string, remedy: string): KernelError {
  return new KernelError({ code: 'forbidden', reason, remedy })
}

export function insufficientScope(scope: Scope, reason: string): KernelError {
  return new KernelError({
    code: 'insufficient_scope',
    reason,
    remedy: `Use a credential that holds the scope ${scope}.`,
    required_scope: scope,
  })
}

/** Whatever else was thrown: the log keeps the cause, the caller gets a reference only. */
export function asKernelError(error: unknown): KernelError {
  if (error instanceof KernelError) return error
  if (isDatabaseAway(error)) return new KernelError(databaseAway, { cause: error })
  return new KernelError(
    {
      code: 'internal',
      reason: 'Breeze could not complete this call.',
      remedy: 'Try again; if it keeps failing, give the audit entry id to your administrator.',
    },
    { cause: error },
  )
}

const databaseAway = {
  code: 'unavailable' as const,
  reason: 'The database can not be reached at the moment.',
  remedy: 'Look with get_operation whether anything was started, then try again.',
  retry_after_seconds: 5,
}

/** Text that came from the caller, shortened and free of control characters, before it stands in a message. */
function clip(text: string): string {
  const visible = text.replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ')
  return visible.length > 80 ? `${visible.slice(0, 77)}…` : visible
}
