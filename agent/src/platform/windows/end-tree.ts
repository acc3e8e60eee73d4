import { runProgram } from '../run-program.ts'

const TIMEOUT_MS = 10_000

/**
 * Ends a process and its descendants. A child whose parents have all ended already is not found: only a job object would
 * hold it, and Node has no way to make one. Never run on a real Windows.
 */
export async function endTree(leader: number): Promise<void> {
  // It answers 128 when the process has gone, which is as good.
  await runProgram('taskkill.exe', ['/PID', String(leader), '/T', '/F'], { timeoutMs: TIMEOUT_MS })
}
