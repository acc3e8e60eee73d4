/** The one table from error codes to HTTP status. */
import type { ErrorCode } from '@breeze/contract/governance'

export const STATUS = {
  invalid_input: 400,
  unauthenticated: 401,
  insufficient_scope: 403,
  forbidden: 403,
  not_allow_listed: 403,
  execute_admin_required: 403,
  blocked: 403,
  emergency_stop: 403,
  unknown_tool: 404,
  not_found: 404,
  conflict: 409,
  ambiguous: 409,
  confirmation_invalid: 409,
  confirmation_expired: 409,
  declined: 409,
  unsupported: 422,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
} as const satisfies Record<ErrorCode, number>
