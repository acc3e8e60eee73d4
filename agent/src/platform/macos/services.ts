import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServiceItem } from '@breeze/contract/agent-inventory'
import { clip } from '../../collectors/section.ts'
import { eachBounded } from '../each-bounded.ts'
import { runProgram } from '../run-program.ts'
import { filesOf } from '../files.ts'

const FOLDERS = ['/Library/LaunchDaemons', '/System/Library/LaunchDaemons']
const MOST_SERVICES = 5000
const AT_ONCE = 8

/** The system's daemons; each user's agents are theirs. */
export async function macosServices(): Promise<ServiceItem[]> {
  const [list, disabled] = await Promise.all([
    runProgram('launchctl', ['list']),
    runProgram('launchctl', ['print-disabled', 'system']),
  ])
  if (list.exitCode !== 0) throw new Error(`launchctl list failed: ${list.stderr.trim().slice(0, 200)}`)
  return mergeServices(parseLaunchctlList(list.stdout), parseDisabled(disabled.stdout), await readStarts())
}

export interface Loaded {
  label: string
  pid: number | null
  /** Of the last run; negative is a signal. */
  status: number
}

/** `PID\tStatus\tLabel`, with `-` for no process. */
export function parseLaunchctlList(text: string): Loaded[] {
  return [...text.matchAll(/^(\d+|-)\t(-?\d+)\t(.+)$/gm)].map(([, pid = '', status, label = '']) => ({
    label,
    pid: pid === '-' ? null : Number(pid),
    status: Number(status),
  }))
}

/** `"com.example.thing" => disabled`; before macOS 13 `=> true`. */
export function parseDisabled(text: string): Set<string> {
  const found = text.matchAll(/"([^"]+)" => (\w+)/g)
  return new Set([...found].flatMap(([, label = '', word]) => (word === 'disabled' || word === 'true' ? [label] : [])))
}

type Start = 'automatic' | 'manual' | 'unknown'

/** launchd.plist(5), as XML. A binary one is not read: `unknown` then. */
export function parsePlist(text: string): { label: string | undefined; start: Start } {
  if (!text.startsWith('<?xml')) return { label: undefined, start: 'unknown' }
  const label = /<key>Label<\/key>\s*<string>([^<]+)<\/string>/.exec(text)?.[1]
  const always = /<key>(RunAtLoad|KeepAlive)<\/key>\s*<(true\/|dict)/.test(text)
  return { label, start: always ? 'automatic' : 'manual' }
}

async function readStarts(): Promise<Map<string, Start>> {
  const starts = new Map<string, Start>()
  for (const folder of FOLDERS) {
    const names = (await filesOf(folder)).filter((name) => name.endsWith('.plist')).slice(0, MOST_SERVICES)
    const texts = await eachBounded(names, AT_ONCE, (name) => readFile(join(folder, name), 'utf8'))
    for (const [index, text] of texts.entries()) {
      const { label = names[index]?.slice(0, -'.plist'.length), start } = parsePlist(text)
      if (label !== undefined) starts.set(label, start)
    }
  }
  return starts
}

/** What launchd has loaded, and the daemons it does not have because they are disabled. */
export function mergeServices(
  loaded: readonly Loaded[],
  disabled: ReadonlySet<string>,
  starts: ReadonlyMap<string, Start>,
): ServiceItem[] {
  const known = new Map(loaded.map((each) => [each.label, each]))
  return [...new Set([...known.keys(), ...starts.keys()])]
    .sort()
    .slice(0, MOST_SERVICES)
    .map((label) => {
      const found = known.get(label)
      return {
        name: clip(label, 256),
        displayName: null,
        state: found?.pid ? 'running' : found && found.status !== 0 ? 'failed' : 'stopped',
        start: disabled.has(label) ? 'disabled' : (starts.get(label) ?? 'unknown'),
        manager: 'launchd',
        pid: found?.pid ?? null,
      }
    })
}
