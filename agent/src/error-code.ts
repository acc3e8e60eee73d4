/** The system's name of what went wrong, such as `ENOENT`; empty for an error that is not the system's. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
