import { isSea } from 'node:sea'

/** How this very program is started again: by itself as a single file, through Node.js otherwise. */
export function selfCommand(): [string, ...string[]] {
  const [, script] = process.argv
  if (isSea() || script === undefined) return [process.execPath]
  return [process.execPath, ...process.execArgv, script]
}
