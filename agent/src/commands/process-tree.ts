import { setTimeout as sleep } from 'node:timers/promises'
import { hasEnvironment, type ProcessInfo, readProcesses } from '../platform/linux-processes.ts'
import { macosProcessesWith, readMacosProcesses } from '../platform/macos/process-list.ts'
import { endTree } from '../platform/windows/end-tree.ts'
import { ExecutionCgroup } from './execution-cgroup.ts'

/** In the environment of everything a script starts; `setsid` and double forks do not shake it off. */
export const EXECUTION_TAG = 'BREEZE_EXECUTION_ID'

const POLL_MS = 50
const KILL_ROUNDS = 40
/** What a crashed agent's scripts get between TERM and KILL when the next agent finds them. */
const SWEEP_GRACE_MS = 500

export interface ExecutionTree {
  commandId: string
  /** The process that was started: its group and session are the execution's. */
  leader: number | undefined
  /** Where the system has them. */
  cgroup: ExecutionCgroup | undefined
}

/**
 * Ends every process of an execution: TERM, then KILL after `graceMs`, until none is found. Members are those of its
 * cgroup, the tagged, the script's process group and session, and their descendants. Without a cgroup, a process that
 * clears its environment, leaves the session and loses its parent at once escapes.
 *
 * Gives the number of processes that did not die (uninterruptible in the kernel).
 */
export async function endExecution(tree: ExecutionTree, graceMs: number): Promise<number> {
  if (process.platform === 'win32') {
    if (tree.leader !== undefined) await endTree(tree.leader)
    return 0
  }
  // Descendants found once stay members when their parents die and they are handed to init.
  const known = new Map<number, string>()
  let members = findMembers(tree, known)
  for (const pid of members) send(pid, 'SIGTERM')
  const deadline = performance.now() + graceMs
  while (members.length > 0 && performance.now() < deadline) {
    await sleep(POLL_MS)
    members = findMembers(tree, known)
  }
  for (let round = 0; members.length > 0 && round < KILL_ROUNDS; round++) {
    await tree.cgroup?.kill()
    // A process that forks faster than one pass can see is met again in the next.
    for (const pid of members) send(pid, 'SIGKILL')
    await sleep(round === 0 ? 5 : POLL_MS)
    members = findMembers(tree, known)
  }
  return members.length
}

/** Ends what an interrupted command left running, and removes its cgroup. */
export async function sweepExecution(commandId: string): Promise<void> {
  if (process.platform === 'win32') return
  const cgroup = await ExecutionCgroup.find(commandId)
  await endExecution({ commandId, leader: undefined, cgroup }, SWEEP_GRACE_MS)
  await cgroup?.remove()
}

function findMembers(tree: ExecutionTree, known: Map<number, string>): number[] {
  const inCgroup = new Set(tree.cgroup?.members())
  const { processes, isTagged } = look(`${EXECUTION_TAG}=${tree.commandId}`)
  const members = new Set<number>()
  for (const info of processes) {
    if (inCgroup.has(info.pid) || isMember(info, tree, known) || isTagged(info.pid)) members.add(info.pid)
  }
  addDescendants(processes, members)
  for (const { pid, startTime } of processes) if (members.has(pid)) known.set(pid, startTime)
  return processes
    .filter((p) => members.has(p.pid) && p.state !== 'Z' && p.pid > 1 && p.pid !== process.pid)
    .map((p) => p.pid)
}

/** One look at all processes. */
function look(tag: string): { processes: ProcessInfo[]; isTagged: (pid: number) => boolean } {
  if (process.platform !== 'darwin') return { processes: readProcesses(), isTagged: (pid) => hasEnvironment(pid, tag) }
  const tagged = macosProcessesWith(tag)
  return { processes: readMacosProcesses(), isTagged: (pid) => tagged.has(pid) }
}

function isMember(info: ProcessInfo, { leader }: ExecutionTree, known: Map<number, string>): boolean {
  // The start time tells a member from a stranger that got its number.
  if (known.get(info.pid) === info.startTime) return true
  return leader !== undefined && (info.group === leader || info.session === leader)
}

function addDescendants(processes: readonly ProcessInfo[], members: Set<number>): void {
  for (let before = -1; before !== members.size;) {
    before = members.size
    for (const { pid, parent } of processes) if (members.has(parent)) members.add(pid)
  }
}

function send(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    const gone = error instanceof Error && 'code' in error && error.code === 'ESRCH'
    if (!gone) throw error
  }
}
