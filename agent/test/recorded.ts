import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a system's own program prints, written down for where it can't be run. */
export function recorded(path: string): string {
  return readFileSync(join(import.meta.dirname, 'recorded', path), 'utf8')
}

export function recordedJson(path: string): unknown {
  return JSON.parse(recorded(path))
}
