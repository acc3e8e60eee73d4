/** The console's own refusals, in the shape of every other one, with the request's id for the log. */
import type { Denial } from '@breeze/contract/governance'
import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { HttpEnv } from '../http/types.ts'

export interface ConsoleDenial extends Omit<Denial, 'code'> {
  code: Denial['code'] | 'step_up_required' | 'wrong_credentials' | 'second_factor_wrong' | 'expired' | 'other_browser'
}

export function refuse(
  context: Context<HttpEnv>,
  status: ContentfulStatusCode,
  denial: ConsoleDenial,
  more: Record<string, unknown> = {},
): Response {
  if (denial.retry_after_seconds !== undefined) context.header('retry-after', String(denial.retry_after_seconds))
  return context.json({ error: { ...denial, reference: context.get('requestId') }, ...more }, status)
}

export const unauthenticated = (context: Context<HttpEnv>, more: Record<string, unknown> = {}): Response =>
  refuse(
    context,
    401,
    { code: 'unauthenticated', reason: 'You are not signed in.', remedy: 'Sign in and try again.' },
    more,
  )

export const wrongCredentials = (context: Context<HttpEnv>): Response =>
  refuse(context, 401, {
    code: 'wrong_credentials',
    reason: 'The email or the password is wrong.',
    remedy: 'Try again, or ask an administrator for a link to set a new password.',
  })

/** 401 where nobody is signed in yet; 403 for a person whom a wrong code doesn't sign out. */
export const wrongCode = (context: Context<HttpEnv>, status: 401 | 403 = 401): Response =>
  refuse(context, status, {
    code: 'second_factor_wrong',
    reason: 'This code is not valid, or was used before.',
    remedy: 'Wait for the next code, or use a recovery code.',
  })

export const notFound = (context: Context<HttpEnv>, reason: string): Response =>
  refuse(context, 404, { code: 'not_found', reason, remedy: 'Reload the page and try again.' })

export const expired = (context: Context<HttpEnv>, reason: string, remedy: string): Response =>
  refuse(context, 404, { code: 'expired', reason, remedy })

export const throttled = (context: Context<HttpEnv>, seconds: number): Response =>
  refuse(context, 429, {
    code: 'rate_limited',
    reason: 'There were too many attempts.',
    remedy: `Wait ${seconds} seconds, then try again.`,
    retry_after_seconds: seconds,
  })

export const badInput = (context: Context<HttpEnv>, reason: string): Response =>
  refuse(context, 400, { code: 'invalid_input', reason, remedy: 'Correct the input and try again.' })
