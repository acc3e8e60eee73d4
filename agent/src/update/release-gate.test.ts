import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { commandMessage } from '@breeze/contract/agent-commands'
import { manifestOf } from '../../test/built-agent.ts'
import { published, signingKey } from '../../test/stub-server.ts'
import { signText } from '../device-key.ts'
import { judgeRelease, type ReleaseContext } from './release-gate.ts'
import type { Versions } from './versions.ts'

const key = signingKey('k')
const bytes = Buffer.from('a build')
const sha256 = randomBytes(32).toString('hex')
const build = { version: '0.2.0', sha256, bytes }
const nothing: Versions = { v: 1, highest: null, current: null, trial: null, ended: [], bad: [] }

const judge = (signed: ReturnType<typeof manifestOf>, more: Partial<ReleaseContext> = {}) =>
  judgeRelease(signed, {
    serverKeys: [published(key)],
    now: Date.now(),
    running: '0.1.0',
    versions: nothing,
    force: false,
    ...more,
  })
const refusal = (...of: Parameters<typeof judge>): string => {
  const judged = judge(...of)
  return 'refused' in judged ? judged.refused : 'taken'
}

test('a newer release that the server signed is taken', () => {
  expect(judge(manifestOf(build, key))).toMatchObject({ manifest: { version: '0.2.0', sha256, sizeBytes: 7 } })
})

describe('refused is', () => {
  const unsigned = 'the manifest of the release is not signed by this device’s server'

  test('a manifest that was altered, signed by another, or signed as something else', () => {
    const signed = manifestOf(build, key)
    expect(refusal({ ...signed, payload: signed.payload.replace('0.2.0', '0.3.0') })).toBe(unsigned)
    expect(refusal(manifestOf(build, signingKey('k')))).toBe(unsigned)
    expect(refusal(manifestOf(build, signingKey('foreign')))).toBe(unsigned)
    // The same key's word for a command is no word for a release.
    const crossed = { ...signed, signature: signText(key.key, commandMessage(signed.payload)) }
    expect(refusal(crossed)).toBe(unsigned)
  })

  test('one that is malformed or has expired', () => {
    expect(refusal(manifestOf(build, key, { sizeBytes: 10 ** 9 }))).toContain('malformed')
    expect(refusal(manifestOf(build, key, { version: '0.2.0-rc.1' }))).toContain('malformed')
    expect(refusal(manifestOf(build, key), { now: Date.now() + 3_700_000 })).toContain('has expired')
    expect(refusal(manifestOf(build, key, { issuedAt: '2100-01-01T00:00:00.000Z' }))).toContain('has expired')
  })

  test('an older version, the same one, and one that does not follow in one step', () => {
    const older = { ...build, version: '0.0.9' }
    expect(refusal(manifestOf(older, key))).toBe('0.0.9 is not newer than 0.1.0, which ran here before')
    expect(refusal(manifestOf(build, key), { running: '0.2.0' })).toContain('is not newer than 0.2.0')
    // As numbers, not as text.
    expect(refusal(manifestOf({ ...build, version: '0.10.0' }, key), { running: '0.9.0' })).toBe('taken')
    const ranBefore = { ...nothing, highest: '0.3.0' }
    expect(refusal(manifestOf(build, key), { versions: ranBefore })).toContain('is not newer than 0.3.0')
    expect(refusal(manifestOf(build, key, { updatesFrom: '0.1.5' }))).toContain('it needs at least 0.1.5')
  })

  test('what was rolled back here, unless it is forced; another build of it in any case', () => {
    const versions = { ...nothing, bad: [{ version: '0.2.0', sha256, reason: 'it crashed' }] }
    expect(refusal(manifestOf(build, key), { versions })).toBe('0.2.0 was rolled back here before: it crashed')
    expect(refusal(manifestOf(build, key), { versions, force: true })).toBe('taken')
    const other = { ...build, sha256: randomBytes(32).toString('hex') }
    expect(refusal(manifestOf(other, key), { versions, force: true })).toContain('a new build needs a new version')
  })
})
