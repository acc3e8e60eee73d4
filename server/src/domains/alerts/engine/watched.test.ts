import { describe, expect, it } from 'vitest'
import type { Rule } from '../rule-rows.ts'
import type { Severity } from '../tables.ts'
import type { Observation } from './observation.ts'
import { Watched } from './watched.ts'

const MINUTE = 60_000
const start = Date.UTC(2027, 0, 1)
const at = (minutes: number): number => start + minutes * MINUTE

/** Critical from 95 to 92, high from 90 to 87, low from 80 to 77. */
const LEVELS: [Severity, number, number][] = [
  ['critical', 95, 92],
  ['high', 90, 87],
  ['low', 80, 77],
]

function rule(more: Partial<Rule> = {}): Rule {
  return {
    id: 'rule',
    partnerId: 'p',
    organizationId: null,
    name: 'Disk',
    scope: {},
    severity: 'critical',
    version: 1,
    fireAfterMs: 0,
    clearAfterMs: 5 * MINUTE,
    autoResolve: true,
    notify: true,
    updatedBy: null,
    signal: 'metric',
    condition: {
      metric: 'disk',
      levels: [],
    },
    ...more,
  } as Rule
}

let ids = 0
const watch = (of: Rule): Watched =>
  new Watched({
    rule: of,
    instance: 'C:',
    since: start,
    mostGapMs: 5 * MINUTE,
    newId: () => `alert-${(ids += 1)}`,
    place: {
      deviceId: 'd',
      organizationId: 'o',
      siteId: 's',
    },
  })

function reading(minutes: number, value: number): Observation {
  const fires = LEVELS.find(([, fire]) => value >= fire)?.[0] ?? null
  const holds = LEVELS.find(([, , clear]) => value > clear)?.[0] ?? null
  return { at: at(minutes), fires, holds, value, describe: () => ({ title: `at ${value}`, detail: { value } }) }
}
const see = (watched: Watched, ...readings: [minutes: number, value: number][]): void => {
  for (const [minutes, value] of readings) watched.observe(reading(minutes, value))
}
const told = (watched: Watched): string[] => watched.events.map((event) => event.kind)

describe('a condition', () => {
  it('opens an alert once it held for its time, and not a sample sooner', () => {
    const cpu = watch(rule({ fireAfterMs: 10 * MINUTE }))
    for (let minute = 0; minute < 10; minute += 1) see(cpu, [minute, 95])
    expect(cpu.alert).toBeNull()
    see(cpu, [10, 96])
    expect(cpu.alert).toMatchObject({ severity: 'critical', title: 'at 96', openedAt: at(10), state: 'firing' })
  })

  it('begins anew after one good value, and after a time without any', () => {
    const dip = watch(rule({ fireAfterMs: 10 * MINUTE }))
    see(dip, [0, 95], [5, 70])
    expect(dip.ended).toBe(true)
    const gap = watch(rule({ fireAfterMs: 10 * MINUTE }))
    see(gap, [0, 95], [4, 95], [12, 95])
    expect(gap).toMatchObject({ alert: null, since: at(12) })
  })

  it('stays open between the value that fires and the one that clears', () => {
    const disk = watch(rule())
    see(disk, [0, 81], [1, 79], [2, 78], [30, 78])
    expect(disk.alert).toMatchObject({ state: 'firing', resolvedAt: null })
    see(disk, [31, 77], [35, 70])
    expect(disk.alert).toMatchObject({ state: 'clearing', resolvedAt: null })
    see(disk, [36, 70])
    expect(disk.alert).toMatchObject({ state: 'clear', resolvedAt: at(36) })
    expect(told(disk)).toEqual(['opened', 'clearing', 'resolved'])
  })

  it('clears only by a good value all the while', () => {
    const disk = watch(rule())
    see(disk, [0, 81], [1, 70], [4, 79], [5, 70], [9, 70])
    expect(disk.alert?.resolvedAt).toBeNull()
    see(disk, [10, 70])
    expect(disk.alert?.resolvedAt).toBe(at(10))
  })

  it('gets worse at once and better after its time, as one alert', () => {
    const disk = watch(rule())
    see(disk, [0, 81], [1, 91], [2, 97])
    expect(disk.alert).toMatchObject({ severity: 'critical', title: 'at 97', detail: { value: 81 } })
    see(disk, [3, 93], [4, 91], [8, 91])
    expect(disk.alert?.severity).toBe('critical')
    see(disk, [9, 91])
    expect(disk.alert?.severity).toBe('high')
    const severities = disk.events.filter((event) => event.kind === 'severity').map((event) => event.detail)
    expect(severities).toMatchObject([
      { from: 'low', to: 'high', worse: true },
      { from: 'high', to: 'critical', worse: true },
      { from: 'critical', to: 'high', worse: false },
    ])
    expect(new Set(disk.events.map((event) => event.kind))).toEqual(new Set(['opened', 'severity']))
  })

  it('that can not be seen is neither over nor new when it is seen again', () => {
    const disk = watch(rule())
    see(disk, [0, 97])
    disk.silence(at(10), 'device_offline')
    disk.elapse(at(600))
    expect(disk.alert).toMatchObject({ state: 'no_data', suppressed: 'device_offline', resolvedAt: null })
    see(disk, [601, 97])
    expect(disk.alert).toMatchObject({ state: 'firing', suppressed: null })
    expect(told(disk)).toEqual(['opened', 'no_data', 'data_again'])
  })

  it('stays open though it cleared, where the rule leaves closing to people', () => {
    const disk = watch(rule({ autoResolve: false }))
    see(disk, [0, 81], [1, 10], [6, 10], [7, 10])
    expect(disk.alert).toMatchObject({ state: 'clear', resolvedAt: null })
    see(disk, [8, 85])
    expect(disk.alert).toMatchObject({ state: 'firing', occurrences: 2 })
  })

  it('opens again only after its time and a pause, when a person closed it while it held', () => {
    const disk = watch(rule())
    see(disk, [0, 97])
    const next = disk.closedByPerson(at(5), MINUTE)
    expect(next).not.toBeNull()
    next?.observe(reading(5.5, 97))
    expect(next?.alert).toBeNull()
    next?.observe(reading(6, 97))
    expect(next?.alert).toMatchObject({ state: 'firing', detail: { reopens: disk.alert?.id } })
  })

  it('that was over when a person closed its alert is done', () => {
    const disk = watch(rule())
    see(disk, [0, 97], [1, 10])
    expect(disk.closedByPerson(at(2), MINUTE)).toBeNull()
  })

  it('counts what happens again, and ignores what is told late', () => {
    const logs = watch(rule())
    const happened = (minutes: number, count: number) =>
      logs.observe({ ...reading(minutes, 95), fires: 'low', holds: 'low', count })
    happened(1, 3)
    happened(2, 4)
    happened(1.5, 100)
    expect(logs.alert?.occurrences).toBe(7)
  })
})

describe('what comes and goes', () => {
  it('is told twice at most within an hour of thirty changes, and once more when it is over', () => {
    const disk = watch(rule())
    for (let minute = 0; minute < 60; minute += 2) see(disk, [minute, minute % 4 === 0 ? 97 : 10])
    const loud = told(disk).filter((kind) => ['opened', 'severity', 'flapping', 'surfaced', 'resolved'].includes(kind))
    expect(loud).toEqual(['opened', 'flapping'])
    expect(disk.alert).toMatchObject({ state: 'flapping', resolvedAt: null })
    // The last change was for the better.
    for (let minute = 60; minute <= 88; minute += 1) see(disk, [minute, 10])
    expect(disk.alert).toMatchObject({ state: 'clear', resolvedAt: at(88) })
  })

  it('goes on as usual when it settles on the bad side', () => {
    const disk = watch(rule())
    see(disk, [0, 97], [2, 10], [4, 97], [6, 10], [8, 97])
    expect(disk.alert?.state).toBe('flapping')
    see(disk, [20, 97], [37, 97])
    expect(disk.alert?.state).toBe('flapping')
    see(disk, [38, 97])
    expect(disk.alert?.state).toBe('firing')
    expect(told(disk).at(-1)).toBe('steady')
  })

  it('is known to flap from what came before the alert', () => {
    const again = new Watched({
      rule: rule(),
      instance: 'C:',
      since: start,
      newId: () => 'x',
      transitions: [at(-10), at(-8), at(-4)],
      place: {
        deviceId: 'd',
        organizationId: 'o',
        siteId: 's',
      },
    })
    see(again, [0, 97])
    expect(again.alert?.state).toBe('flapping')
  })
})
