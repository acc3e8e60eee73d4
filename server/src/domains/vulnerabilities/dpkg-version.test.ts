import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { affected, compareVersions } from './dpkg-version.ts'

const VERSIONS = [
  '0 0.0 1 1.0 1.00 1.0-0 1.0-1 01.1 1.0~ 1.0~~ 1.0~rc1 1.0~rc1-1 1.0+b1 1.0.1 1.0a 1.0+dfsg 1.0+dfsg-1',
  '1.0-1~deb12u1 1.0-1+deb12u1 1.0-1+b2 1.0-1.1 1.0-10 1.0-9 2:0.1 1:9 10 9 1.2.13.dfsg-1',
  '7.88.1-10+deb12u14 7.88.1-10+deb12u7 6.1.115-1 6.1.12-1 20230311 20230311+deb12u1 1a 1A 1+ 1.',
  '99999999999999999999999999 99999999999999999999999998 1.0-1ubuntu1 1.0-1ubuntu0.1 0:1.0 1.0--1',
  '1.0-a-1 1~a 1~~a',
].flatMap((line) => line.split(' '))

const said = (a: string, operator: string, b: string): boolean => {
  try {
    execFileSync('dpkg', ['--compare-versions', a, operator, b], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Versions that this machine has, next to each other: what really has to be told apart. */
function installed(): string[] {
  const status = existsSync('/var/lib/dpkg/status') ? readFileSync('/var/lib/dpkg/status', 'utf8') : ''
  return [...status.matchAll(/^Version: (.+)$/gm)].map(([, version = '']) => version)
}

describe('the order of versions', () => {
  const pairs = VERSIONS.flatMap((a, index) => VERSIONS.slice(index).map((b) => [a, b] as const))

  it('is the same from both sides, and every version is itself', () => {
    for (const [a, b] of pairs)
      expect(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a)), `${a} ${b}`).toBe(0)
    for (const version of VERSIONS) expect(compareVersions(version, version)).toBe(0)
  })

  it('is a chain: what is before is before what is after', () => {
    const sorted = VERSIONS.toSorted(compareVersions)
    for (const [index, a] of sorted.entries())
      for (const b of sorted.slice(index)) expect(compareVersions(a, b), `${a} ${b}`).toBeLessThanOrEqual(0)
  })

  it.runIf(existsSync('/usr/bin/dpkg'))("is dpkg's, for some hundred pairs", { timeout: 120_000 }, () => {
    const real = installed()
    const chosen = [
      ...pairs.filter((_, index) => index % 5 === 0),
      ...real.slice(1, 120).map((version, index) => [version, real[index] ?? ''] as const),
    ]
    expect(chosen.length).toBeGreaterThan(200)
    for (const [a, b] of chosen) {
      const order = Math.sign(compareVersions(a, b))
      expect(
        said(a, ({ '-1': 'lt', 0: 'eq', 1: 'gt' } as Record<string, string>)[order] ?? '', b),
        `${a} ${order} ${b}`,
      ).toBe(true)
    }
  })
})

describe('a version in ranges', () => {
  it('is affected up to the repair, and not before it came in', () => {
    expect(affected('1.0-1', [{ introduced: '0', fixed: '1.0-2' }])).toEqual({ fixed: '1.0-2' })
    expect(affected('1.0-2', [{ introduced: '0', fixed: '1.0-2' }])).toBeNull()
    expect(affected('1.0-1', [{ introduced: '0' }])).toEqual({ fixed: null })
    expect(affected('1.0-1', [{ introduced: '1.1' }])).toBeNull()
    expect(
      affected('2.5', [
        { introduced: '0', fixed: '1.1' },
        { introduced: '2.0', fixed: '2.6' },
      ]),
    ).toEqual({ fixed: '2.6' })
    expect(affected('2.5', [{ introduced: '0', lastAffected: '2.5' }])).toEqual({ fixed: null })
    expect(affected('2.5-1', [{ introduced: '0', lastAffected: '2.5' }])).toBeNull()
  })
})
