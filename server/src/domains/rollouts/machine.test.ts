import { describe, expect, it } from 'vitest'
import { nextStep, type Progress, type RolloutPlan, type StageTally } from './machine.ts'
import { defaultRings, split } from './stages.ts'

const NOW = new Date('2027-03-01T12:00:00Z')
const minutes = (n: number): Date => new Date(NOW.getTime() + n * 60_000)
const tally = (more: Partial<StageTally> = {}): StageTally => ({
  absent: 0,
  working: 0,
  succeeded: 0,
  failed: 0,
  trailing: 0,
  ...more,
})
const plan = (more: Partial<RolloutPlan> = {}): RolloutPlan => ({
  stages: [
    { name: 'canary', devices: 2 },
    { name: 'early', devices: 20 },
    { name: 'rest', devices: 78 },
  ],
  minSuccessPercent: 90,
  soakMinutes: 60,
  patienceHours: 24,
  ...more,
})
const progress = (more: Partial<Progress> = {}): Progress => ({
  state: 'running',
  startsAt: NOW,
  stage: 0,
  soakUntil: null,
  patienceUntil: minutes(24 * 60),
  tallies: [tally({ succeeded: 2 }), tally(), tally()],
  ...more,
})

describe('the rollout guard', () => {
  it('begins with the first stage, and not before its time', () => {
    expect(nextStep(plan(), progress({ stage: null, startsAt: minutes(5) }), NOW)).toEqual({ step: 'wait' })
    expect(nextStep(plan(), progress({ stage: null }), NOW)).toEqual({ step: 'begin', stage: 0 })
  })

  it('lets a stage that passed soak before the next begins', () => {
    expect(nextStep(plan(), progress(), NOW)).toEqual({ step: 'soak', until: minutes(60) })
    const soaking = progress({ state: 'soaking', soakUntil: minutes(60) })
    expect(nextStep(plan(), soaking, minutes(59))).toEqual({ step: 'wait' })
    expect(nextStep(plan(), soaking, minutes(60))).toEqual({ step: 'begin', stage: 1 })
    expect(nextStep(plan({ soakMinutes: 0 }), progress(), NOW)).toEqual({ step: 'begin', stage: 1 })
  })

  it('stops as soon as a stage can not reach its gate any more', () => {
    const early = (counts: Partial<StageTally>) =>
      nextStep(plan(), progress({ stage: 1, tallies: [tally({ succeeded: 2 }), tally(counts), tally()] }), NOW)
    expect(early({ working: 10, succeeded: 8, failed: 2 })).toEqual({ step: 'wait' })
    expect(early({ working: 10, succeeded: 7, failed: 3 })).toEqual({
      step: 'stop',
      reason: 'Stage "early": 3 of 10 devices failed; at least 90 % must succeed.',
    })
    expect(early({ succeeded: 18, failed: 2 })).toMatchObject({ step: 'soak' })
  })

  it('stops for what an earlier stage tells late', () => {
    const tallies = [tally({ succeeded: 1, failed: 1 }), tally({ working: 20 }), tally()]
    expect(nextStep(plan(), progress({ stage: 1, tallies }), NOW)).toMatchObject({ step: 'stop' })
  })

  it('waits for absent devices as long as it has patience, and judges a stage without them then', () => {
    const some = progress({ tallies: [tally({ succeeded: 1, absent: 1 }), tally(), tally()] })
    expect(nextStep(plan(), some, NOW)).toEqual({ step: 'wait' })
    expect(nextStep(plan(), some, minutes(24 * 60))).toMatchObject({ step: 'soak' })
    const nobody = progress({ tallies: [tally({ absent: 2 }), tally(), tally()] })
    expect(nextStep(plan(), nobody, minutes(24 * 60))).toEqual({
      step: 'stop',
      reason: 'Nothing was proven by stage "canary".',
    })
  })

  it('finishes when nothing is left to do anywhere', () => {
    const last = (late: Partial<StageTally>) => [
      tally({ succeeded: 2, ...late }),
      tally({ succeeded: 20 }),
      tally({ succeeded: 78 }),
    ]
    expect(nextStep(plan(), progress({ stage: 2, tallies: last({ trailing: 1 }) }), NOW)).toEqual({ step: 'wait' })
    expect(nextStep(plan(), progress({ stage: 2, tallies: last({}) }), NOW)).toEqual({ step: 'finish' })
  })

  it('keeps the last stage from going on only while something is left to begin', () => {
    const last = (counts: Partial<StageTally>) =>
      nextStep(
        plan(),
        progress({ stage: 2, tallies: [tally({ succeeded: 2 }), tally({ succeeded: 20 }), tally(counts)] }),
        NOW,
      )
    expect(last({ failed: 50, absent: 28 })).toMatchObject({ step: 'stop' })
    expect(last({ failed: 50, working: 28 })).toEqual({ step: 'wait' })
    expect(last({ failed: 78 })).toEqual({ step: 'finish' })
  })

  it.each(['paused', 'stopped', 'cancelled', 'finished'] as const)('does nothing while it is %s', (state) => {
    expect(nextStep(plan(), progress({ state }), NOW)).toEqual({ step: 'wait' })
  })
})

describe('500 devices of which 5 % fail', () => {
  /** Every twentieth device of the rollout fails, wherever it is. */
  function run(minSuccessPercent: number) {
    const devices = Array.from({ length: 500 }, (_, index) => ({ id: `device ${index}` }))
    const stages = split(devices, defaultRings(500))
    const fails = new Set(stages.flatMap(({ deviceIds }) => deviceIds.filter((_, at) => at % 20 === 19)))
    const rules = plan({
      stages: stages.map(({ name, deviceIds }) => ({ name, devices: deviceIds.length })),
      minSuccessPercent,
    })
    const tallies = stages.map(() => tally())
    let state: Progress = progress({ stage: null, tallies })
    let touched = 0
    for (let at = NOW; ; at = new Date(at.getTime() + 60_000)) {
      const step = nextStep(rules, state, at)
      if (step.step === 'soak') state = { ...state, state: 'soaking', soakUntil: step.until }
      if (step.step === 'stop' || step.step === 'finish') return { step, touched, tallies, stages }
      if (step.step !== 'begin') {
        const current = state.stage === null ? undefined : tallies[state.stage]
        const ids = stages[state.stage ?? 0]?.deviceIds ?? []
        // Ten devices a minute tell what became of them.
        const told = current ? ids.slice(ids.length - current.working).slice(0, 10) : []
        for (const id of told) {
          if (!current) break
          current.working -= 1
          current[fails.has(id) ? 'failed' : 'succeeded'] += 1
        }
        continue
      }
      state = { ...state, state: 'running', stage: step.stage, soakUntil: null }
      const begun = tallies[step.stage]
      if (begun) begun.working = stages[step.stage]?.deviceIds.length ?? 0
      touched += begun?.working ?? 0
    }
  }

  it('is stopped in the ring where the gate of 97 % can not be met any more, and touches no device of the last', () => {
    const { step, touched, tallies } = run(97)
    expect(step).toEqual({ step: 'stop', reason: 'Stage "early": 4 of 80 devices failed; at least 97 % must succeed.' })
    expect(touched).toBe(110)
    expect(tallies[2]).toEqual(tally())
  })

  it('goes through where 90 % are enough', () => {
    const { step, touched, tallies } = run(90)
    expect([step, touched]).toEqual([{ step: 'finish' }, 500])
    expect(tallies.reduce((sum, { failed }) => sum + failed, 0)).toBe(24)
  })
})

describe('the stages', () => {
  const devices = Array.from({ length: 40 }, (_, index) => ({
    id: `d${index}`,
    ...(index < 10 && { critical: 'server' }),
  }))

  it('take unimportant devices first, each once, and always the same', () => {
    const stages = split(devices, defaultRings(40))
    expect(stages.map(({ name, deviceIds }) => [name, deviceIds.length])).toEqual([
      ['canary', 2],
      ['early', 8],
      ['rest', 30],
    ])
    const servers = new Set(devices.slice(0, 10).map(({ id }) => id))
    expect(stages.slice(0, 2).flatMap(({ deviceIds }) => deviceIds.filter((id) => servers.has(id)))).toEqual([])
    expect(new Set(stages.flatMap(({ deviceIds }) => deviceIds)).size).toBe(40)
    expect(split(devices.toReversed(), defaultRings(40))).toEqual(stages)
  })

  it('are those that were asked for, and what is left', () => {
    const stages = split(devices, [{ devices: ['d3', 'd7', 'unknown'] }, { name: 'half', percent: 50 }])
    expect(stages.map(({ name, deviceIds }) => [name, deviceIds.length])).toEqual([
      ['ring 1', 2],
      ['half', 20],
      ['rest', 18],
    ])
  })

  it('is one for a handful of devices', () => {
    expect(split(devices.slice(0, 2), defaultRings(2)).map(({ name }) => name)).toEqual(['all'])
  })
})
