import type { SectionData, ServiceItem } from '@breeze/contract/agent-inventory'
import { type Change, compared, valueChange } from './change.ts'

/** Windows makes a copy of some services for each session, with a number of the session's at the end. */
const PER_SESSION = /_[0-9a-f]{4,8}$/
const keyOf = ({ name, manager }: ServiceItem): string => (manager === 'windows' ? name.replace(PER_SESSION, '') : name)

/** Whether somebody set it up: what others start and end as they need it comes and goes. */
const isOwn = ({ start }: ServiceItem): boolean => start !== 'static' && start !== 'unknown'

/** On its way up it was down, and on its way down it was up; null where nobody knows. */
const SETTLED: Record<ServiceItem['state'], string | null> = {
  running: 'running',
  stopping: 'running',
  stopped: 'stopped',
  starting: 'stopped',
  failed: 'failed',
  unknown: null,
}

const startOf = ({ start }: ServiceItem): string | null => (start === 'unknown' ? null : start)

export function serviceChanges(before: SectionData<'services'>, after: SectionData<'services'>): Change[] {
  const { added, removed, kept } = compared(before, after, keyOf)
  return [
    ...added.filter(isOwn).map((one): Change => {
      return { kind: 'service_added', subject: keyOf(one), before: null, after: one.start }
    }),
    ...removed.filter(isOwn).map((one): Change => {
      return { kind: 'service_removed', subject: keyOf(one), before: one.start, after: null }
    }),
    ...kept.flatMap(([was, is]) => [
      ...valueChange('service_start_changed', keyOf(is), startOf(was), startOf(is)),
      ...(is.start === 'automatic'
        ? valueChange('service_state_changed', keyOf(is), SETTLED[was.state], SETTLED[is.state])
        : []),
    ]),
  ]
}
