import { readdir } from 'node:fs/promises'
import { readTextIfPresent } from '../linux.ts'

/** What the kernel keeps of a program's name. */
const NAME_LENGTH = 15

/** The names of the programs that run, as the kernel knows them: at most 15 bytes of each. */
export async function runningPrograms(): Promise<(program: string) => boolean> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  // A process may end in between: ESRCH then, or no such file.
  const names = await Promise.all(pids.map((pid) => readTextIfPresent(`/proc/${pid}/comm`).catch(() => undefined)))
  const running = new Set(names)
  return (program) => running.has(program.slice(0, NAME_LENGTH))
}
