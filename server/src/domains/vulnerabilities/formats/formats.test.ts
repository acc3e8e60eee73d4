import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { zipOf } from '../../../../test/vulnerabilities/exports.ts'
import { cvssBaseScore, cvssSeverity } from './cvss.ts'
import { readTrackerPiece } from './debian-tracker.ts'
import { jsonPieces, NotJson } from './json-pieces.ts'
import { readOsvRecord } from './osv.ts'
import { NotZip, zipMembers } from './zip.ts'

async function* inChunks(text: string, length: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += length) yield text.slice(at, at + length)
}
const pieces = async (text: string, depth: 1 | 2, length = 7) =>
  Array.fromAsync(jsonPieces(inChunks(text, length), depth), ({ keys, text }) => [keys.join('/'), JSON.parse(text)])

describe('a document read in pieces', () => {
  const value = {
    'a "quoted" {key': { 'CVE-1': { text: 'brackets ]}" and \\ stay text', list: [{ deep: [1] }] }, plain: 'no piece' },
    b: { 'CVE-2': {}, 'CVE-3': [[]] },
    top: 5,
  }

  it('has the same parts wherever it is cut', async () => {
    const text = JSON.stringify(value, null, 1)
    for (const length of [1, 2, 3, 11, 10_000]) {
      const found = await pieces(text, 2, length)
      expect(found.map(([, piece]) => piece)).toEqual([value['a "quoted" {key']['CVE-1'], {}, [[]]])
      expect(found.map(([keys]) => keys)).toEqual([String.raw`a \"quoted\" {key/CVE-1`, 'b/CVE-2', 'b/CVE-3'])
    }
  })

  it('of a list are its members', async () => {
    expect(await pieces(' [ {"id": 1}, [2], 3 ]', 1)).toEqual([
      ['', { id: 1 }],
      ['', [2]],
    ])
  })

  it('that is none, or is cut off, is refused', async () => {
    for (const text of ['hello', '{"a": {"b": {', '{"a": {}}}', '[{]}', ''])
      await expect(pieces(text, 2), text).rejects.toThrow(NotJson)
  })
})

describe('the Debian security tracker', () => {
  const read = (name: string, id: string, releases: object, description = 'A flaw.\nMore of it.') =>
    [...readTrackerPiece({ keys: [name, id], text: JSON.stringify({ description, releases }) })].map(
      ({ release, severity, ranges }) => [release, severity, ranges[0]],
    )

  it('tells per release which versions are vulnerable', () => {
    expect(
      read('openssl', 'CVE-2024-1', {
        bookworm: { status: 'resolved', fixed_version: '3.0.15-1~deb12u1', urgency: 'not yet assigned' },
        trixie: { status: 'resolved', fixed_version: '0', urgency: 'not yet assigned' },
        bullseye: { status: 'open', urgency: 'medium**' },
        buster: { status: 'undetermined', urgency: 'low' },
        sid: { status: 'open', urgency: 'high' },
      }),
    ).toEqual([
      ['12', null, { introduced: '0', fixed: '3.0.15-1~deb12u1' }],
      ['11', 'medium', { introduced: '0' }],
    ])
  })

  it('does not count what is unimportant, has no CVE, or is no entry', () => {
    expect(read('a', 'CVE-2024-1', { bookworm: { status: 'open', urgency: 'unimportant' } })).toEqual([])
    expect(read('a', 'TEMP-0000000-ABCDEF', { bookworm: { status: 'open' } })).toEqual([])
    expect([...readTrackerPiece({ keys: ['affected', 'CVE-2024-1'], text: '{"package": 1}' })]).toEqual([])
  })
})

describe('a record of OSV', () => {
  const affected = (ecosystem: string, events: object[], more: object = {}) => ({
    package: { ecosystem, name: 'curl' },
    ranges: [{ type: 'ECOSYSTEM', events }],
    ...more,
  })
  const record = (more: object) => ({ id: 'DEBIAN-CVE-2024-7', modified: '2024-01-01T00:00:00Z', ...more })
  const read = (more: object) => [...readOsvRecord(record(more))]

  it('has spans of versions, per release of Debian and Ubuntu', () => {
    const found = read({
      affected: [
        affected('Debian:12', [{ introduced: '0' }, { fixed: '1.2' }]),
        affected('Ubuntu:24.04:LTS', [
          { introduced: '0' },
          { fixed: '1' },
          { introduced: '2' },
          { last_affected: '3' },
          { introduced: '9' },
        ]),
        affected('Ubuntu:Pro:18.04:LTS', [{ introduced: '0' }]),
        affected('Alpine:v3.19', [{ introduced: '0' }]),
        { package: { ecosystem: 'Debian:11', name: 'curl' }, versions: ['7.1', '7.2'] },
        { package: { ecosystem: 'Debian:13', name: 'curl' }, ranges: [{ type: 'GIT', events: [{ introduced: '0' }] }] },
      ],
    })
    expect(
      found.map(({ ecosystem, release, vulnerability, ranges }) => [ecosystem, release, vulnerability, ranges]),
    ).toEqual([
      ['Debian', '12', 'CVE-2024-7', [{ introduced: '0', fixed: '1.2' }]],
      [
        'Ubuntu',
        '24.04',
        'CVE-2024-7',
        [{ introduced: '0', fixed: '1' }, { introduced: '2', lastAffected: '3' }, { introduced: '9' }],
      ],
      [
        'Debian',
        '11',
        'CVE-2024-7',
        [
          { introduced: '7.1', lastAffected: '7.1' },
          { introduced: '7.2', lastAffected: '7.2' },
        ],
      ],
    ])
  })

  it('is named by its CVE, an announcement by all of its', () => {
    const names = (more: object) =>
      read({ ...more, affected: [affected('Debian:12', [{ introduced: '0' }])] }).map((one) => one.vulnerability)
    expect(names({ id: 'DSA-1-1', upstream: ['CVE-2024-1', 'CVE-2024-2'], related: ['CVE-2024-1'] })).toEqual([
      'CVE-2024-1',
      'CVE-2024-2',
    ])
    expect(names({ id: 'DSA-2-1' })).toEqual(['DSA-2-1'])
    expect(names({ withdrawn: '2024-02-01T00:00:00Z' })).toEqual([])
  })

  it('is as severe as the distribution says, then as its vector', () => {
    const vector = [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }]
    const severity = (of: object, more: object = {}) =>
      read({ ...of, affected: [affected('Debian:12', [{ introduced: '0' }], more)] })[0]?.severity
    expect(severity({ severity: vector })).toBe('critical')
    expect(severity({ severity: [...vector, { type: 'Ubuntu', score: 'negligible' }] })).toBe('low')
    expect(severity({ severity: vector }, { ecosystem_specific: { urgency: 'medium' } })).toBe('medium')
    expect(severity({}, { ecosystem_specific: { urgency: 'not yet assigned' } })).toBeNull()
  })

  it('of another shape says nothing', () => {
    for (const value of [
      null,
      'x',
      {},
      { id: 1 },
      record({ affected: 'all' }),
      record({ affected: [null, { package: {} }] }),
    ])
      expect([...readOsvRecord(value)]).toEqual([])
  })
})

it('a CVSS vector has the score that the specification gives it', () => {
  const scores = {
    'AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H': 9.8,
    'AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H': 10,
    'AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H': 7.8,
    'AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N': 6.1,
    'AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:H': 5.9,
    'AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N': 6.4,
    'AV:P/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N': 1.6,
    'AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N': 0,
  }
  for (const [vector, score] of Object.entries(scores)) expect(cvssBaseScore(`CVSS:3.1/${vector}`), vector).toBe(score)
  expect(cvssSeverity('CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H')).toBe('critical')
  for (const other of ['CVSS:4.0/AV:N', 'AV:N/AC:L/Au:N/C:P/I:P/A:P', 'CVSS:3.1/AV:N/AC:L', ''])
    expect(cvssSeverity(other)).toBeNull()
})

describe('a ZIP archive', () => {
  let folder = ''
  afterEach(() => rm(folder, { recursive: true, force: true }))
  async function members(bytes: Buffer) {
    folder = await mkdtemp(join(tmpdir(), 'breeze-zip-'))
    await writeFile(join(folder, 'a.zip'), bytes)
    const handle = await open(join(folder, 'a.zip'))
    try {
      const found = zipMembers(handle, bytes.length, {
        wanted: (name) => name.endsWith('.json'),
        order: (a, b) => a.localeCompare(b),
      })
      return await Array.fromAsync(found, ({ name, content }) => `${name} ${content.toString()}`)
    } finally {
      await handle.close()
    }
  }

  it.each([false, true])('is read member by member, with 64-bit records: %s', async (wide) => {
    const bytes = zipOf({ 'b.json': '{"b":1}', 'a.json': '"ä"'.repeat(50), 'readme.txt': 'no' }, { wide })
    expect(await members(bytes)).toEqual([`a.json ${'"ä"'.repeat(50)}`, 'b.json {"b":1}'])
  })

  it('that is cut off, is none or bursts is refused', async () => {
    const whole = zipOf({ 'a.json': 'x'.repeat(100) })
    await expect(members(whole.subarray(0, -30))).rejects.toThrow(NotZip)
    await rm(folder, { recursive: true })
    await expect(members(Buffer.from('PK but no archive'))).rejects.toThrow(NotZip)
    await rm(folder, { recursive: true })
    // Its directory says that it is small.
    await expect(members(zipOf({ 'a.json': '0'.repeat(100_000) }, { sizeTold: 10 }))).rejects.toThrow(NotZip)
  })
})
