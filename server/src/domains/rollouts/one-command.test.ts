import { describe, expect, it } from 'vitest'
import type { EndedCommand } from '../commands/reads.ts'
import { RECALLED } from './kind.ts'
import { follow, RETURN_MINUTES } from './one-command.ts'

const NOW = new Date('2027-03-01T12:00:00Z')
const later = (minutes: number): Date => new Date(NOW.getTime() + minutes * 60_000)
const device = (more: object = {}) => ({ id: 'd', phase: 'sent', phaseSince: NOW, detail: {}, ...more })
const ended = (state: EndedCommand['state'], more: Partial<EndedCommand> = {}): EndedCommand => ({
  id: 'c',
  type: 'power.reboot',
  state,
  reason: null,
  issuedAt: NOW,
  resultAt: NOW,
  exitCode: null,
  bootBefore: null,
  returnedAt: null,
  data: null,
  ...more,
})

describe('a device whose command has ended', () => {
  it('is done, with the reason in the words of whoever gave it', () => {
    expect(follow(device(), ended('succeeded'), null, NOW)).toMatchObject({ phase: 'done', outcome: 'succeeded' })
    expect(follow(device(), ended('failed', { exitCode: 3 }), null, NOW)).toMatchObject({
      outcome: 'failed',
      reason: { text: 'exit code 3', byDevice: false },
    })
    expect(follow(device(), ended('rejected', { reason: 'busy' }), null, NOW)).toMatchObject({
      outcome: 'failed',
      reason: { text: 'busy', byDevice: true },
    })
  })

  it('is due again when its command was taken back or not taken on, the latter not for ever', () => {
    const recalled = ended('cancelled', { reason: RECALLED, resultAt: null })
    expect(follow(device(), recalled, null, NOW)).toMatchObject({ phase: 'due', dueAt: NOW })
    expect(follow(device(), ended('cancelled', { reason: 'by a person' }), null, NOW)).toMatchObject({
      outcome: 'cancelled',
    })
    const expired = ended('expired', { resultAt: null })
    expect(follow(device(), expired, null, NOW)).toMatchObject({ phase: 'due', detail: { tries: 1 } })
    expect(follow(device({ detail: { tries: 4 } }), expired, null, NOW)).toMatchObject({ outcome: 'failed' })
  })

  it('that restarts is waited for, and has failed when it does not come back', () => {
    const restarted = ended('succeeded', { bootBefore: 'one' })
    expect(follow(device(), restarted, 60, NOW)).toMatchObject({ phase: 'returning' })
    const away = device({ phase: 'returning' })
    expect(follow(away, restarted, 60, later(RETURN_MINUTES))).toBeNull()
    expect(follow(away, { ...restarted, returnedAt: later(2) }, 60, later(2))).toMatchObject({ outcome: 'succeeded' })
    expect(follow(away, restarted, 60, later(RETURN_MINUTES + 1))).toMatchObject({ outcome: 'failed' })
  })
})
