import { spawn } from 'node:child_process'
import { constants } from 'node:os'

const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** One Ctrl-C can arrive twice (from the terminal and again from npm): only a later repetition means "I insist". */
const sameGestureMs = 1000

/**
 * Runs a command with our standard streams and answers with its exit code, or the signal that ended it.
 *
 * The child leads its own process group, so that whatever reaches us (Ctrl-C to the whole group, SIGTERM to this process
 * alone, a closed terminal) reaches it exactly once and from here. A closed terminal is passed on as SIGTERM: few programs
 * treat SIGHUP as a request to stop in order. With `link`, an IPC channel tells the child when this process is killed
 * outright. With `followParent`, this process's own parent going away counts as SIGTERM. Runs on Node 18.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, link?: boolean, followParent?: boolean, stdio?: import('node:child_process').StdioOptions }} options
 * @returns {Promise<{ code: number } | { signal: NodeJS.Signals }>}
 */
export function runChild(
  command,
  args,
  { cwd, env, link = false, followParent = false, stdio = ['inherit', 'inherit', 'inherit'] } = {},
) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, detached: true, stdio: link ? [...stdio, 'ipc'] : stdio })
    let lastAt = -Infinity
    const forward = (signal) => {
      const now = Date.now()
      if (now - lastAt < sameGestureMs) return
      lastAt = now
      child.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal)
    }
    // A parent that is gone cannot signal any more; whatever it sent before was request enough.
    const orphaned = () => {
      if (lastAt === -Infinity) forward('SIGTERM')
    }
    const parent = process.ppid
    const watch = followParent
      ? setInterval(() => {
          if (process.ppid !== parent) orphaned()
        }, 500)
      : undefined
    const release = () => {
      clearInterval(watch)
      for (const signal of forwarded) process.off(signal, forward)
      process.off('disconnect', orphaned)
      process.channel?.unref()
    }
    for (const signal of forwarded) process.on(signal, forward)
    if (process.channel) process.on('disconnect', orphaned)
    child.once('error', (error) => {
      release()
      reject(error)
    })
    child.once('exit', (code, signal) => {
      release()
      resolve(signal ? { signal } : { code: code ?? 1 })
    })
  })
}

/**
 * Ends this process the way its child ended.
 *
 * @param {{ code: number } | { signal: NodeJS.Signals }} result
 */
export function exitLike(result) {
  if ('code' in result) process.exit(result.code)
  process.kill(process.pid, result.signal)
  // Where the signal does not end us (Windows, PID 1 in a container), the shell's convention for "ended by a signal".
  setTimeout(() => process.exit(128 + (constants.signals[result.signal] ?? 0)), 100)
}
