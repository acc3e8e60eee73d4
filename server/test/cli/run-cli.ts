/** Runs the real CLI as a process of its own. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ENTRY = fileURLToPath(new URL('../../../cli/src/main.ts', import.meta.url))

export interface CliResult {
  code: number | null
  stdout: string
  stderr: string
}

export interface CliOptions {
  env?: Record<string, string>
  input?: string
  /** Instead of the sources: a bundle, or the file that npm links. */
  entry?: string
  nodeOptions?: readonly string[]
  /** Called with the process once it runs, to end it from outside. */
  started?(child: ReturnType<typeof spawn>): void
}

/** Nothing of this process's own environment gets in but what finds Node. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...options.env }
  const child = spawn(process.execPath, [...(options.nodeOptions ?? []), options.entry ?? ENTRY, ...args], {
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  child.stdin.end(options.input ?? '')
  options.started?.(child)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
}
