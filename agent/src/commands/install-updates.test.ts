import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CommandArgs, type CommandOutcome, RESULT_DATA, type ScriptArgs } from '@breeze/contract/agent-commands'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { AptRoot } from '../../test/apt-root.ts'
import type { Tell } from '../executor.ts'
import { aptHistory } from '../platform/update-history/apt.ts'
import { aptUpdates } from '../platform/updates/apt.ts'
import { aptInstaller } from '../platform/updates/apt-install.ts'
import { installUpdates } from './install-updates.ts'
import { runScript } from './run-script.ts'
import { scanUpdates } from './scan-updates.ts'
import { UpdateTurns } from './update-turns.ts'

const names = ['good', 'bad', 'held', 'needy', 'lost', 'plain', 'slow'] as const
const FAILING = 'echo "the database is locked" >&2\nexit 3'
const SLOW = '[ ! -e "$DPKG_ROOT/tmp/slow" ] || sleep 600'

/** A repository and a system in a folder, with the real apt-get and dpkg. */
describe.runIf(existsSync('/usr/bin/apt-get') && process.getuid?.() === 0)('updates of a system with apt', () => {
  let apt: AptRoot
  let told: string[]
  beforeAll(() => {
    apt = new AptRoot()
    apt.install(
      names.map((name) => ({
        name,
        version: '1.0',
        ...(name === 'good' && { conffiles: { '/etc/good.conf': 'as shipped\n' } }),
      })),
    )
    apt.publish(
      [
        { name: 'good', version: '1:2.0-1', conffiles: { '/etc/good.conf': 'as shipped anew\n' } },
        { name: 'bad', version: '2.0', postinst: FAILING },
        { name: 'held', version: '2.0' },
        { name: 'needy', version: '2.0', depends: 'unheard-of (>= 5)' },
        { name: 'lost', version: '2.0' },
        { name: 'plain', version: '2.0' },
        { name: 'slow', version: '2.0', postinst: SLOW },
      ],
      ['lost'],
    )
    apt.run('apt-mark', 'hold', 'held')
    apt.keep()
  })
  beforeEach(() => {
    apt.reset()
    told = []
  })
  afterAll(() => apt.close())

  const tell: Tell = async (sections) => {
    told.push(...sections)
    const data = await aptUpdates(apt.place).read()
    return { updates: { status: 'ok', source: 'apt', collectedAt: new Date().toISOString(), data } }
  }
  const options = () => ({
    stateDirectory: join(apt.root, 'tmp'),
    turns: new UpdateTurns(),
    installer: async () => aptInstaller(apt.place),
  })
  const execution = <A>(args: A) => {
    return { commandId: crypto.randomUUID(), args, signal: new AbortController().signal, reply: async () => true, tell }
  }
  async function scan(): Promise<CommandOutcome> {
    return (await scanUpdates(options()).run(execution({ refreshLists: true }))).outcome
  }
  async function install(args: Omit<CommandArgs<'updates.install'>, 'timeoutSeconds'>) {
    const environment = { path: '/usr/bin:/bin', home: '/' }
    const scripts = runScript({ stateDirectory: join(apt.root, 'tmp'), environment })
    const executor = installUpdates({ ...options(), scripts })
    const { outcome } = await executor.run(execution({ timeoutSeconds: 60, ...args }))
    return { outcome, results: RESULT_DATA['updates.install'].parse(outcome.data).results }
  }
  const versionOf = (name: string) => apt.run('dpkg-query', '-W', '-f=${Version} ${db:Status-Status}', name)

  test('are found, installed at exactly the version asked for, and read back', async () => {
    const found = await scan()
    expect(found).toMatchObject({ state: 'succeeded', data: { pending: names.length - 1 } })
    expect(told).toEqual(['updates', 'update_history', 'software', 'posture'])
    writeFileSync(join(apt.root, 'etc/good.conf'), 'changed here\n')
    const { outcome, results } = await install({
      updates: [
        { name: 'good', version: '1:2.0-1' },
        { name: 'plain', version: null },
      ],
    })
    expect(outcome.state).toBe('succeeded')
    expect(results).toEqual([
      { name: 'good', state: 'installed', before: '1.0', after: '1:2.0-1' },
      { name: 'plain', state: 'installed', before: '1.0', after: '2.0' },
    ])
    expect(versionOf('good')).toBe('1:2.0-1 installed')
    expect(readFileSync(join(apt.root, 'etc/good.conf'), 'utf8')).toBe('changed here\n')
    const again = await install({ updates: [{ name: 'good', version: '1.5' }] })
    expect(again.outcome.state).toBe('succeeded')
    expect(again.results).toEqual([{ name: 'good', state: 'already_installed', before: '1:2.0-1', after: '1:2.0-1' }])
    expect(await scan()).toMatchObject({ data: { pending: names.length - 3 } })
    expect(await aptHistory(apt.root).read()).toMatchObject([{ outcome: 'installed' }, { outcome: 'installed' }])
  })

  test('fail each with the package manager’s own reason and do not hold up the others', async () => {
    await scan()
    const { outcome, results } = await install({
      updates: [
        { name: 'needy', version: '2.0' },
        { name: 'bad', version: '2.0' },
        { name: 'held', version: null },
        { name: 'lost', version: '2.0' },
        { name: 'plain', version: '9.9' },
        { name: 'absent', version: null },
        { name: '-o=evil', version: null },
        { name: 'good', version: null },
      ],
    })
    expect(outcome).toMatchObject({ state: 'failed', reason: expect.stringContaining('7 of 8') })
    const said = Object.fromEntries(results.map(({ name, state, reason }) => [name, [state, reason]]))
    expect(said).toEqual({
      needy: ['failed', expect.stringMatching(/^unmet dependencies: Depends: unheard-of \(>= 5\)/)],
      bad: ['failed', expect.stringMatching(/post-installation script .* exit status 3: the database is locked$/)],
      held: ['failed', expect.stringMatching(/^held: /)],
      lost: ['failed', expect.stringMatching(/File not found|could not be fetched/)],
      plain: ['not_available', 'no repository offers 9.9; the newest there is is 2.0'],
      absent: ['not_available', 'no package of this name is installed here'],
      '-o=evil': ['not_available', 'no package of this name is installed here'],
      good: ['installed', undefined],
    })
    expect([versionOf('bad'), versionOf('plain')]).toEqual(['2.0 half-configured', '1.0 installed'])
  })

  test('end with their time, and the next run puts right what was left behind', async () => {
    await scan()
    writeFileSync(join(apt.root, 'tmp/slow'), '')
    const work = () => ({ signal: new AbortController().signal, folder: join(apt.root, 'tmp') })
    const installer = aptInstaller(apt.place)
    const wanted = [{ name: 'slow', version: '2.0' }]
    const [late] = await installer.install(wanted, { ...work(), deadline: performance.now() + 3000 })
    expect(late).toMatchObject({ state: 'failed', reason: 'apt did not end in time, and was ended' })
    expect(versionOf('slow')).not.toBe('2.0 installed')
    rmSync(join(apt.root, 'tmp/slow'))
    const [done] = await installer.install(wanted, { ...work(), deadline: performance.now() + 60_000 })
    expect(done).toMatchObject({ name: 'slow', state: 'installed', after: '2.0' })
  })

  test('are not begun when the script before them fails; the one after them counts too', async () => {
    await scan()
    const failing: ScriptArgs = { language: 'sh', content: 'echo no backup; exit 7', arguments: [], timeoutSeconds: 20 }
    const fine = { ...failing, content: 'echo fine' }
    const before = await install({ updates: [{ name: 'plain', version: null }], preScript: failing })
    expect(before.outcome).toMatchObject({ state: 'failed', output: expect.stringContaining('no backup') })
    expect(before.results).toMatchObject([
      { state: 'not_attempted', reason: 'the script before it ended with exit code 7' },
    ])
    const after = await install({ updates: [{ name: 'plain', version: null }], preScript: fine, postScript: failing })
    expect(after.outcome).toMatchObject({ state: 'failed', reason: 'the script after it ended with exit code 7' })
    expect(after.results).toMatchObject([{ state: 'installed' }])
  })
})
