/** What the pages know of script runs: the shapes of the tools' answers. */
import { queryOptions } from '@tanstack/react-query'
import { api } from '../../app/api.ts'
import { type ListPage, toolList } from '../../app/tool-queries.ts'
import type { ProgressPart } from '../../ui/progress-bar.tsx'

export interface DeviceRun {
  id: string
  name: string
  state: string
  exit_code?: number | null
  output?: string
  truncated?: boolean
  output_bytes?: number | null
  duration_ms?: number | null
  reason?: string
  expires_at?: string
}

export interface RunPage extends ListPage {
  run: string
  operation: string
  state: string
  devices: DeviceRun[]
  counts: Record<string, number>
  next_offset?: number
}

export interface Operation {
  operation: string
  state: string
  summary: string
  created_at: string
  finished_at: string | null
  waiting: { for: string; commands: number; until: string | null }[]
  /** Of a run in stages. */
  rollout?: object
}

export interface RunSearch {
  /** The script's id, where the page was reached from it: the run itself keeps no secrets' names. */
  script?: string
  state?: string
  text?: string
  /** The one whose output is open. */
  device?: string
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, 200) : undefined

export function readRunSearch(search: Record<string, unknown>): RunSearch {
  const read = {
    script: text(search['script']),
    state: text(search['state']),
    text: text(search['text']),
    device: text(search['device']),
  }
  return Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined))
}

/** Tools whose answers are other ones as a run goes on. */
export const RUN_TOOLS = ['get_script_results', 'get_operation'] as const

const GOING = ['delivered', 'accepted', 'started']
/** Of a run in stages: their stage has not begun. */
const UNBEGUN = 'waiting'
const OPEN = [...GOING, 'queued', UNBEGUN]
const FAILED = ['failed', 'timed_out', 'expired', 'interrupted', 'rejected']
/** Where `retry_of` runs it again. */
const RETRIED = ['failed', 'timed_out', 'expired', 'interrupted']

const sum = (counts: Readonly<Record<string, number>>, states: readonly string[]): number =>
  states.reduce((total, state) => total + (counts[state] ?? 0), 0)

/** What the tool can narrow to: devices that were sent something. */
export const isSent = (state: string): boolean => state !== UNBEGUN

export const hasFailed = (counts: Readonly<Record<string, number>>): boolean => sum(counts, RETRIED) > 0
export const isOpen = (counts: Readonly<Record<string, number>>): boolean => sum(counts, OPEN) > 0

export const partsOf = (counts: Readonly<Record<string, number>>): ProgressPart[] => [
  { tone: 'succeeded', count: counts['succeeded'] ?? 0, said: 'succeeded' },
  { tone: 'failed', count: sum(counts, FAILED), said: 'failed' },
  { tone: 'going', count: sum(counts, GOING), said: 'running' },
  { tone: 'left', count: sum(counts, ['queued', UNBEGUN, 'cancelled']), said: 'waiting or cancelled' },
]

const SOON_MS = 2000
const LATER_MS = 5000

/** While devices are at work it is asked often; while none has begun, seldom; then no more. */
function pace(counts: Readonly<Record<string, number>> | undefined): number | false {
  if (!counts || !isOpen(counts)) return false
  return sum(counts, GOING) > 0 ? SOON_MS : LATER_MS
}

export const runResults = (run: string, { state, text: within }: RunSearch) => ({
  ...toolList<RunPage>('get_script_results', {
    run,
    ...(state && { state }),
    // The tool wants two characters to look for.
    ...(within && within.length > 1 && { text: within }),
  }),
  refetchInterval: ({ state: { data } }: { state: { data: { pages: RunPage[] } | undefined } }) =>
    pace(data?.pages.at(-1)?.counts),
})

export const operationOf = (operation: string | undefined, isGoing: boolean) =>
  queryOptions({
    queryKey: ['get_operation', operation],
    queryFn: () => api.tool<Operation>('get_operation', { operation }),
    enabled: operation !== undefined,
    refetchInterval: isGoing ? 5000 : false,
    retry: false,
  })

export const outputPart = (run: string, device: string, offset: number) =>
  api.tool<RunPage>('get_script_results', { run, device, offset })

const WAITING_WORDS: Readonly<Record<string, string>> = {
  approval: 'for the approval of their device',
  quarantine: 'for the release of their device from quarantine',
  first_connection: 'for devices that never connected',
  connection: 'for offline devices to connect',
  delivery: 'to be sent in a moment',
  room: 'until fewer run at once',
  acceptance: 'for the device to take them on',
  turn: 'for their turn on the device',
  end: 'for what runs to end',
  stop: 'for the device to stop them',
}

export const waitingText = ({ for: why, commands }: Operation['waiting'][number]): string =>
  `${commands} wait${commands === 1 ? 's' : ''} ${WAITING_WORDS[why] ?? why}`

/** "640 ms", "1.84 s", "3 min 5 s". */
export function took(ms: number): string {
  if (ms < 1000) return `${ms} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}
