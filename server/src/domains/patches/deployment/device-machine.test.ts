import { describe, expect, it } from 'vitest'
import { type Ended, follow, type Seen, type Work } from './device-machine.ts'
import type { DeploymentTask, DeviceDetail, UpdateResult } from './task.ts'

const NOW = new Date('2027-03-01T12:00:00Z')
const task = (reboot: Partial<DeploymentTask['reboot']> = {}): DeploymentTask => ({
  windows: 'respect',
  catchUp: true,
  timeoutSeconds: 3600,
  reboot: { policy: 'never', at: 'after_install', ...reboot },
})
const UPDATES = [
  { name: 'openssl', version: '3.1' },
  { name: 'nginx', version: '2' },
]
const work = (phase: string, more: Partial<Omit<Work, 'detail'>> & { detail?: Partial<DeviceDetail> } = {}): Work => ({
  phaseSince: NOW,
  outcome: null,
  ...more,
  phase,
  detail: { updates: UPDATES, ...more.detail },
})
const done = (more: Partial<Ended> = {}): Ended => ({
  state: 'succeeded',
  reason: null,
  byDevice: true,
  recalled: false,
  results: null,
  rebootPending: false,
  ...more,
})
const seen = (more: Partial<Seen> = {}): Seen => ({
  now: NOW,
  command: done(),
  pending: null,
  isOnline: true,
  bootId: 'first',
  ...more,
})
const results = (...states: UpdateResult['state'][]): UpdateResult[] =>
  states.map((state, index) => ({ name: UPDATES[index]?.name ?? '', state }))

describe('an installation', () => {
  it('is waited for, and then looked at again', () => {
    expect(follow(work('installing'), seen({ command: null }), task())).toBeNull()
    const command = done({ results: results('installed', 'installed') })
    expect(follow(work('installing'), seen({ command }), task())).toMatchObject({ phase: 'checking', send: 'scan' })
  })

  it('of which nobody knows the result is looked at all the same', () => {
    for (const state of ['timed_out', 'interrupted'] as const)
      expect(follow(work('installing'), seen({ command: done({ state }) }), task())).toMatchObject({ send: 'scan' })
  })

  it('that changed nothing has failed, for the reasons of the package manager', () => {
    const told = results('failed', 'not_attempted').map((one) => ({ ...one, reason: 'no space left on device' }))
    const move = follow(work('installing'), seen({ command: done({ state: 'failed', results: told }) }), task())
    expect(move).toMatchObject({
      phase: 'done',
      outcome: 'failed',
      reason: { text: 'openssl: no space left on device; nginx: no space left on device', byDevice: true },
    })
  })

  it('is passed over where the chosen versions are gone', () => {
    const command = done({ results: results('not_available', 'not_available') })
    expect(follow(work('installing'), seen({ command }), task())).toMatchObject({
      phase: 'done',
      outcome: 'passed_over',
    })
  })

  it('that was taken back, or did not reach the device, is due again, and not for ever', () => {
    const recalled = done({ state: 'cancelled', recalled: true, byDevice: false })
    expect(follow(work('installing'), seen({ command: recalled }), task())).toEqual({ phase: 'due', send: 'act' })
    const expired = seen({ command: done({ state: 'expired', byDevice: false }) })
    expect(follow(work('installing'), expired, task())).toMatchObject({ phase: 'due', detail: { tries: 1 } })
    expect(follow(work('installing', { detail: { tries: 4 } }), expired, task())).toMatchObject({ outcome: 'failed' })
  })

  it('that somebody cancelled or the device refused has ended', () => {
    const outcomeOf = (state: Ended['state']) =>
      follow(work('installing'), seen({ command: done({ state, reason: 'why' }) }), task())
    expect(outcomeOf('cancelled')).toMatchObject({ phase: 'done', outcome: 'cancelled', reason: { text: 'why' } })
    expect(outcomeOf('rejected')).toMatchObject({ phase: 'done', outcome: 'failed', reason: { text: 'why' } })
  })
})

describe('the proof', () => {
  const checking = work('checking', { detail: { results: results('installed', 'installed') } })
  const pending = (installed: string) => [{ name: 'nginx', article: null, installed }]

  it('is a new report without the update', () => {
    expect(follow(checking, seen({ pending: [] }), task())).toEqual({ phase: 'done', outcome: 'succeeded' })
    expect(follow(checking, seen(), task())).toBeNull()
  })

  it('is not what the installation said of itself', () => {
    expect(follow(checking, seen({ pending: pending('1') }), task())).toEqual({
      phase: 'done',
      outcome: 'failed',
      reason: { text: 'nginx: still pending after the installation', byDevice: true },
    })
  })

  it('does not ask for versions that came out meanwhile', () => {
    expect(follow(checking, seen({ pending: pending('2') }), task())).toMatchObject({ outcome: 'succeeded' })
  })

  it('counts one that is missing as failed, whatever else is in', () => {
    const some = work('checking', { detail: { results: results('installed', 'failed') } })
    expect(follow(some, seen({ pending: [] }), task())).toMatchObject({ outcome: 'failed' })
  })

  it('is asked for three times', () => {
    const failed = seen({ command: done({ state: 'expired' }) })
    expect(follow(checking, failed, task())).toMatchObject({ send: 'scan', detail: { scans: 2 } })
    const last = work('checking', { detail: { scans: 3 } })
    expect(follow(last, failed, task())).toMatchObject({ phase: 'done', outcome: 'failed' })
    const late = seen({ now: new Date(NOW.getTime() + 61_000) })
    expect(follow(last, late, task())).toMatchObject({ phase: 'done', outcome: 'failed' })
  })
})

describe('a restart', () => {
  const installed = (rebootPending: boolean) =>
    seen({ command: done({ results: results('installed', 'installed'), rebootPending }) })

  it('comes where it is wanted', () => {
    const after = (policy: DeploymentTask['reboot']['policy'], rebootPending: boolean) =>
      follow(work('installing'), installed(rebootPending), task({ policy }))?.phase
    expect(after('never', true)).toBe('checking')
    expect(after('if_required', false)).toBe('checking')
    expect(after('if_required', true)).toBe('reboot_due')
    expect(after('always', false)).toBe('reboot_due')
  })

  it('is over when the device is back in another boot, and then the updates are looked at', () => {
    const rebooting = work('rebooting', { detail: { bootId: 'first' } })
    expect(follow(rebooting, seen(), task())).toBeNull()
    expect(follow(rebooting, seen({ bootId: 'second', isOnline: false }), task())).toBeNull()
    expect(follow(rebooting, seen({ bootId: 'second' }), task())).toMatchObject({ phase: 'checking', send: 'scan' })
  })

  it('from which the device does not come back is a failure', () => {
    const now = new Date(NOW.getTime() + 30 * 60_000)
    expect(follow(work('rebooting', { detail: { bootId: 'first' } }), seen({ now }), task())).toMatchObject({
      outcome: 'failed',
      reason: { text: 'it did not come back within 30 minutes of its restart' },
    })
  })

  it('at a time of its own comes after the proof, which counts before it', () => {
    const later = task({ policy: 'if_required', at: 'next_window' })
    expect(follow(work('installing'), installed(true), later)).toMatchObject({ phase: 'checking' })
    const checking = work('checking', { detail: { results: results('installed', 'installed'), rebootPending: true } })
    expect(follow(checking, seen({ pending: [] }), later)).toEqual({
      phase: 'reboot_due',
      send: 'act_at_reboot_time',
      outcome: 'succeeded',
    })
    const back = work('checking', { outcome: 'succeeded' })
    expect(follow(back, seen({ pending: [] }), later)).toEqual({ phase: 'done' })
  })
})
