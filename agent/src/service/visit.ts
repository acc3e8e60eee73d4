import { type AgentOptions, runAgent, type RunningAgent } from '../main.ts'

/** Runs the agent within this process until the server has welcomed it, or for so long. The caller stops it. */
export async function visit(
  options: AgentOptions,
  patienceMs: number,
): Promise<{ agent: RunningAgent; online: boolean }> {
  const { promise: welcomed, resolve } = Promise.withResolvers<true>()
  const agent = await runAgent({
    ...options,
    log: (event, fields) => {
      if (event === 'online') resolve(true)
      options.log(event, fields)
    },
  })
  const impatience = new Promise<false>((give) => {
    setTimeout(() => give(false), patienceMs).unref()
  })
  return { agent, online: await Promise.race([welcomed, impatience]) }
}
