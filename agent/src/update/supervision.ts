/** What a supervisor tells the agent it starts. Without it nobody could put a former version back. */
export interface Supervision {
  pid: number
  /** Digest of the build that runs; null: the installed program. */
  build: string | null
  /** The agent's own arguments, for trying another build with them. */
  argv: readonly string[]
}

const NAME = 'BREEZE_AGENT_SUPERVISOR'
const PROGRAM = 'program'

export const supervisionText = (build: string | null): Record<string, string> => ({
  [NAME]: `${process.pid} ${build ?? PROGRAM}`,
})

/** Undefined without one, and where the variable was inherited from another process. */
export function parseSupervision(env: NodeJS.ProcessEnv, argv: readonly string[]): Supervision | undefined {
  const [, pid, build] = /^(\d+) (program|[0-9a-f]{64})$/.exec(env[NAME] ?? '') ?? []
  if (pid === undefined || Number(pid) !== process.ppid) return undefined
  return { pid: Number(pid), build: build === PROGRAM || build === undefined ? null : build, argv }
}
