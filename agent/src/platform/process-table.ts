import type { ResultData } from '@breeze/contract/agent-commands'
import { printableLine } from '../printable.ts'

export type ProcessRow = ResultData<'processes.list'>['processes'][number]

export interface ProcessTable {
  source: string
  rows: ProcessRow[]
}

export const MAX_NAME = 300
export const MAX_COMMAND_LINE = 1000

export function processRow(row: ProcessRow): ProcessRow {
  return {
    ...row,
    name: printableLine(row.name, MAX_NAME),
    commandLine: printableLine(row.commandLine, MAX_COMMAND_LINE),
    user: row.user && printableLine(row.user, 128),
  }
}

/** One decimal: the clock's ticks give no more. */
export function roundPercent(percent: number): number {
  return Math.round(percent * 10) / 10
}
