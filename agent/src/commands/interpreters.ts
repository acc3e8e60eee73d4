import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { ScriptArgs } from '@breeze/contract/agent-commands'

interface Interpreter {
  programs: readonly string[]
  /** Before the script's path. */
  flags: readonly string[]
  extension: string
}

const INTERPRETERS: { readonly [L in ScriptArgs['language']]: Interpreter } = {
  bash: { programs: ['bash'], flags: [], extension: 'sh' },
  sh: { programs: ['sh'], flags: [], extension: 'sh' },
  // Unbuffered, so that output before a timeout is not lost.
  python: { programs: ['python3', 'python'], flags: ['-u'], extension: 'py' },
  powershell: { programs: ['pwsh'], flags: ['-NoProfile', '-NonInteractive', '-File'], extension: 'ps1' },
  cmd: { programs: ['cmd.exe'], flags: ['/d', '/c'], extension: 'cmd' },
}

export interface FoundInterpreter {
  path: string
  flags: readonly string[]
  extension: string
}

export async function findInterpreter(
  language: ScriptArgs['language'],
  searchPath: string,
): Promise<FoundInterpreter | undefined> {
  const { programs, flags, extension } = INTERPRETERS[language]
  for (const program of programs) {
    for (const folder of searchPath.split(delimiter)) {
      if (folder === '') continue
      const path = join(folder, program)
      if (await isExecutable(path)) return { path, flags, extension }
    }
  }
  return undefined
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return true
  } catch {
    // Missing and not executable are the same answer.
    return false
  }
}
