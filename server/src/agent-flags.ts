/**
 * How Node.js runs the agent. It waits for the network and the disk, so memory counts and speed does not: V8 without its
 * optimising compiler takes 67 MB instead of 102, and a heartbeat 2 ms instead of 1 (docs/performance.md). The small young
 * generation gives memory back after a flood of script output.
 */
export const AGENT_FLAGS: readonly string[] = ['--max-semi-space-size=1', '--lite-mode']
