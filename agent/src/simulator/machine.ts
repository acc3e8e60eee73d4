import type { ServiceItem } from '@breeze/contract/agent-inventory'
import type { Facts } from './facts.ts'

/** What a statement finds when it looks at the machine. */
export interface Machine {
  facts: Facts
  bootedAt: Date
  now: Date
  services(): ServiceItem[]
}

/** A command's pattern and what it prints, without the last line feed. */
export type Answer = readonly [RegExp, (machine: Machine, match: RegExpExecArray) => string]

export const gib = (bytes: number): string => (bytes / 1024 ** 3).toFixed(1)

export function uptimeText({ bootedAt, now }: Machine): string {
  const minutes = Math.max(0, Math.floor((now.getTime() - bootedAt.getTime()) / 60_000))
  const clock = `${Math.floor(minutes / 60) % 24}:${String(minutes % 60).padStart(2, '0')}`
  const days = Math.floor(minutes / 1440)
  return days > 0 ? `${days} day${days === 1 ? '' : 's'}, ${clock}` : clock
}
