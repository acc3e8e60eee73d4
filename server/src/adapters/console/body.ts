/** The console's small JSON bodies, parsed once. */
import type { Context } from 'hono'
import type { z } from 'zod'
import { readJson } from '../http/json-body.ts'
import type { HttpEnv } from '../http/types.ts'
import { badInput } from './answers.ts'

const MOST_BYTES = 64 * 1024

/** The body, or the refusal that names what was expected. What was sent is not repeated: it may be a secret. */
export async function bodyOf<Schema extends z.ZodType>(
  context: Context<HttpEnv>,
  schema: Schema,
  expected: string,
): Promise<z.output<Schema> | Response> {
  const body = await readJson(context.req.raw, MOST_BYTES)
  const parsed = schema.safeParse(body.ok ? body.value : undefined)
  return parsed.success ? parsed.data : badInput(context, expected)
}
