export type LogFields = Record<string, string | number | boolean | null>
export type Log = (event: string, fields?: LogFields) => void

/** One JSON line per event on stderr. Callers never pass a token, a key or script output. */
export const logToStderr: Log = (event, fields = {}) => {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), event, ...fields })}\n`)
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
