import { runProgram } from '../run-program.ts'

const DEFAULT_TIMEOUT_MS = 60_000
const MAX_BYTES = 32_000_000

/**
 * Runs a script of ours and gives what its `ConvertTo-Json` printed, unparsed by any schema. A script never holds
 * anything that came from elsewhere: parameters go in `environment` and are read there as `$env:NAME`.
 */
export async function runPowershell(
  script: string,
  options: { timeoutMs?: number; environment?: Record<string, string> } = {},
): Promise<unknown> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, environment = {} } = options
  const args = ['-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-EncodedCommand', encode(script)]
  const result = await runProgram('powershell.exe', args, { timeoutMs, environment, maxBytes: MAX_BYTES })
  if (result.truncated) throw new Error('PowerShell printed more than is read')
  if (result.exitCode !== 0) throw powershellFailure(result.stderr, result.exitCode)
  return parsePowershellJson(result.stdout)
}

/** The preamble makes the output UTF-8 whatever the console's code page, and every error an end with exit code 1. */
function encode(script: string): string {
  const preamble =
    "$ErrorActionPreference='Stop';$ProgressPreference='SilentlyContinue';" +
    '[Console]::OutputEncoding=[Text.UTF8Encoding]::new($false);'
  return Buffer.from(`${preamble}\n${script}`, 'utf16le').toString('base64')
}

/** Nothing printed is an empty pipeline. */
export function parsePowershellJson(stdout: string): unknown {
  const text = stdout.replace(/^\uFEFF/, '').trim()
  return text === '' ? [] : JSON.parse(text)
}

/** `ConvertTo-Json` of PowerShell 5 prints a pipeline with one object as that object. */
export function asArray(value: unknown): unknown[] {
  return value === null || value === undefined ? [] : Array.isArray(value) ? value : [value]
}

export function powershellFailure(stderr: string, exitCode: number | null): Error {
  // An encoded command's errors come as CLIXML; the first piece of text in it is the message.
  const message = /<S S="Error">([^<]+)/.exec(stderr)?.[1]?.replaceAll('_x000D__x000A_', '') ?? stderr.split('\n')[0]
  const denied = /access (is )?denied|UnauthorizedAccess|0x80070005/i.test(stderr)
  const error = new Error(`PowerShell ended with ${exitCode}: ${(message ?? '').trim().slice(0, 300)}`)
  return denied ? Object.assign(error, { code: 'EACCES' }) : error
}
