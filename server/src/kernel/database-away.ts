/** Whether an error says that the database went away or is not there yet, rather than that a statement was wrong. */

/** SQLSTATE classes 08 (connection exception) and 57P (operator intervention: shutdown, crash, starting up); 53300 is full. */
const AWAY_STATE = /^(?:08...|57P0[1-4]|53300)$/
const AWAY_SYSTEM = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOENT', 'ETIMEDOUT', 'EHOSTUNREACH'])
/** What `pg` and its pool say without a code. */
const AWAY_TEXT =
  /^(?:Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/

export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (AWAY_TEXT.test(error.message)) return true
  const code = 'code' in error ? String(error.code) : ''
  return AWAY_STATE.test(code) || (AWAY_SYSTEM.has(code) && 'syscall' in error && error.syscall !== 'open')
}
