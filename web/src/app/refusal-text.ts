import { ApiError } from './api.ts'

/** What happened and what to do, as one line. */
export function refusalText(error: unknown): string {
  if (error instanceof ApiError) return `${error.refusal.reason} ${error.refusal.remedy}`
  return error instanceof Error ? error.message : 'This failed.'
}
