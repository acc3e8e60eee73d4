/** The private cluster cannot be had. The message is one line on which a self-hoster can act; it never holds a secret. */
export class ClusterError extends Error {
  override name = 'ClusterError'
}

/** The system's short code for an error (`ENOENT`, `57P03`), where it carries one. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Turns "may not write there" into a line that says what to do; leaves every other error as it is. */
export function explainWriteError(error: unknown, folder: string): unknown {
  const code = codeOf(error)
  if (!['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOSPC'].includes(code ?? '')) return error
  return new ClusterError(
    `cannot write to the data folder ${folder} (${code}): give this user a writable folder or choose another one`,
    { cause: error },
  )
}
