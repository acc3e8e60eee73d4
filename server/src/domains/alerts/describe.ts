import { deviceWords, fenced } from '../../kernel/content/device-text.ts'
import type { WholeAlert } from './one.ts'
import { alertLine } from './present.ts'

const LONGEST = 6000

/** One alert in text: its line, what was recorded, what the device said, and its history. */
export function describeAlert({ alert, recorded, events, standsFor }: WholeAlert): string {
  const { device_text: said, ...ours } = recorded
  const stood = [...new Set(standsFor.flatMap(({ device }) => device ?? []))]
  const facts = Object.entries(ours).filter(([key, value]) => !TOLD.has(key) && value !== null)
  return [
    alertLine(alert),
    ...(alert.note === null ? [] : [`Note: ${deviceWords(alert.note, 2000)}`]),
    ...(stood.length > 0
      ? [`It stands for ${alert.children} alerts, of ${stood.join(', ')}${alert.children > stood.length ? ', …' : ''}.`]
      : []),
    ...(facts.length > 0
      ? ['Recorded when it opened:', ...facts.map(([key, value]) => `${key.replaceAll('_', ' ')}: ${shown(value)}`)]
      : []),
    ...(said === undefined || said === null
      ? []
      : [fenced(`what ${alert.device?.name ?? 'the device'} said`, shown(said), LONGEST)]),
    'History:',
    ...events.map(({ kind, at, by, note }) => {
      const who = by === null ? '' : ` by ${by}`
      return `${at.toISOString().slice(0, 19)}Z ${kind.replaceAll('_', ' ')}${who}${note === null ? '' : `: ${deviceWords(note, 500)}`}`
    }),
  ].join('\n')
}

/** These stand in its line. */
const TOLD: ReadonlySet<string> = new Set(['value', 'threshold', 'unit'])

const shown = (value: unknown): string =>
  deviceWords(typeof value === 'string' ? value : JSON.stringify(value, null, 1), LONGEST)
