import type { Posture } from '@breeze/contract/agent-inventory'
import { describeFinding, FINDING_NAMES } from '../describe-posture.ts'
import { type Change, valueChange } from './change.ts'

const NOT_KNOWN = 'not known'

/** Both ways: what could be seen and can't any more is told, so that what comes after it is. */
export function postureChanges(before: Posture, after: Posture): Change[] {
  // Object.keys forgets the keys' type; they are exactly the findings.
  return (Object.keys(FINDING_NAMES) as (keyof Posture)[]).flatMap((name) =>
    valueChange('posture_changed', FINDING_NAMES[name], said(name, before), said(name, after)),
  )
}

function said(name: keyof Posture, posture: Posture): string {
  if (name === 'diskEncryption' && posture.diskEncryption.data)
    return posture.diskEncryption.data
      .map(({ mount, encrypted }) => `${mount} ${encrypted ? 'encrypted' : 'not encrypted'}`)
      .sort()
      .join(', ')
  // Why a reboot is pending grows with each package; that it is pending is the change.
  if (name === 'rebootPending' && posture.rebootPending.data)
    return posture.rebootPending.data.pending ? 'pending' : 'none'
  return describeFinding(name, posture) ?? NOT_KNOWN
}
