import { Tag, type TagTone } from '../../ui/tag.tsx'
import type { Device } from './devices.ts'

/** Those that keep commands away, or tell of a lost machine, stand out. */
const TONES: Readonly<Record<string, TagTone>> = {
  quarantined: 'crit',
  isolated: 'crit',
  awaiting_approval: 'warn',
  duplicate_machine: 'warn',
}

export function Conditions({ of: { conditions } }: { of: Pick<Device, 'conditions'> }) {
  if (conditions.length === 0) return null
  return (
    <span className="flex flex-wrap gap-1">
      {conditions.map((condition) => (
        <Tag key={condition} tone={TONES[condition] ?? 'plain'}>
          {condition.replaceAll('_', ' ')}
        </Tag>
      ))}
    </span>
  )
}
