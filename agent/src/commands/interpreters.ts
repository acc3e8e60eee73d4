import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { ScriptLanguage } from '@breeze/contract/agent-commands'

interface Interpreter {
  programs: readonly string[]
  /** Before the script's path. */
  flags: readonly string[]
  extension: string
  /** Before the script's text. */
  preamble?: string
}

const POWERSHELL = ['-NoLogo', '-NoProfile', '-NonInteractive']

const ANYWHERE: { readonly [L in ScriptLanguage]?: Interpreter } = {
  bash: { programs: ['bash'], flags: [], extension: 'sh' },
  sh: { programs: ['sh'], flags: [], extension: 'sh' },
  // Unbuffered, so that output before a timeout is not lost.
  python: { programs: ['python3', 'python'], flags: ['-u'], extension: 'py' },
  powershell: { programs: ['pwsh'], flags: [...POWERSHELL, '-File'], extension: 'ps1' },
}

const WINDOWS: { readonly [L in ScriptLanguage]?: Interpreter } = {
  python: { programs: ['python.exe', 'py.exe'], flags: ['-u'], extension: 'py' },
  powershell: {
    programs: ['pwsh.exe', 'powershell.exe'],
    flags: [...POWERSHELL, '-ExecutionPolicy', 'Bypass', '-File'],
    extension: 'ps1',
    // Windows PowerShell 5 takes a file without a byte order mark for the system's old code page.
    preamble: '\uFEFF',
  },
  cmd: { programs: ['cmd.exe'], flags: ['/d', '/c'], extension: 'cmd', preamble: '@chcp 65001 >nul\r\n@echo off\r\n' },
}

export interface FoundInterpreter {
  path: string
  flags: readonly string[]
  extension: string
  preamble: string
}

/** `searchPath`: as `PATH` is written on this system. */
export async function findInterpreter(
  language: ScriptLanguage,
  searchPath: string,
): Promise<FoundInterpreter | undefined> {
  const interpreter = (process.platform === 'win32' ? WINDOWS : ANYWHERE)[language]
  for (const program of interpreter?.programs ?? []) {
    const path = await findProgram(program, searchPath)
    if (interpreter && path !== undefined) return { preamble: '', ...interpreter, path }
  }
  return undefined
}

export async function findProgram(program: string, searchPath: string): Promise<string | undefined> {
  for (const folder of searchPath.split(delimiter)) {
    const path = join(folder, program)
    if (folder !== '' && (await isExecutable(path))) return path
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
