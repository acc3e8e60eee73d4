/** Why a start failed, as the one line that a self-hoster can act on. */
import pg from 'pg'

/** Errors whose message was written for the operator. */
const FOR_PEOPLE: ReadonlySet<string> = new Set([
  'ClusterError',
  'ConfigError',
  'DatabaseError',
  'DataFolderError',
  'IsolationError',
  'KeyFileError',
  'ListenError',
  'LogError',
  'MigrationError',
])

export function oneLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'MigrationError' && error.cause instanceof Error) return `${error.message}: ${error.cause.message}`
  if (FOR_PEOPLE.has(error.name)) return error.message
  if (error instanceof pg.DatabaseError) return `DATABASE_URL: the database refused: ${error.message}`
  const code = 'code' in error ? String(error.code) : ''
  if (
    ['ECONNREFUSED', 'ENOTFOUND', 'ETIMEDOUT', 'EHOSTUNREACH', 'ECONNRESET', 'ENOENT'].includes(code) &&
    'syscall' in error
  ) {
    return `DATABASE_URL: no database answers there (${code}); check host and port`
  }
  // A defect of ours: the stack is worth more than a short line.
  return error.stack ?? error.message
}
