import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { CommandArgs, CommandOutcome, CommandType } from '@breeze/contract/agent-commands'
import { RESULT_DATA } from '@breeze/contract/agent-commands'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Executor } from '../../executor.ts'
import { carryOutElsewhere } from '../../../test/elsewhere.ts'
import { deleteFile } from '../delete-file.ts'
import { listFiles } from '../list-files.ts'
import { putFile } from '../put-file.ts'
import { readFile } from '../read-file.ts'
import { PathGuard } from './path-guard.ts'
import { Place } from './place.ts'

const PROTECTED = { state: 'rejected', reason: 'denied_locally: this path is protected on the device' }
const NOBODY = 65_534
let folder: string
let state: string
let denied: string[]
let guard: PathGuard
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'breeze-files-test-')))
  state = join(folder, 'state')
  mkdirSync(state)
  writeFileSync(join(state, 'identity.json'), 'secret')
  denied = []
  guard = new PathGuard({
    stateDirectory: state,
    protectedPaths: [join(folder, 'server')],
    programs: [join(folder, 'agent')],
    policy: { denyPaths: async () => denied },
  })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function run<T extends CommandType>(executor: Executor<T>, args: CommandArgs<T>): Promise<CommandOutcome> {
  const { outcome } = await executor.run({
    commandId: crypto.randomUUID(),
    args,
    signal: new AbortController().signal,
    reply: async () => true,
    tell: async () => ({}),
  })
  const { startedAt, finishedAt, durationMs, ...rest } = outcome
  expect([typeof startedAt, typeof finishedAt, typeof durationMs]).toEqual(['string', 'string', 'number'])
  return rest
}
const list = (path: string, limit = 1000) => run(listFiles(guard), { path, limit })
const read = (path: string, offset = 0, maxBytes = 1000) => run(readFile(guard), { path, offset, maxBytes })
const put = (path: string, content: string, options: Partial<CommandArgs<'files.put'>> = {}) =>
  run(putFile(guard), { path, content: Buffer.from(content).toString('base64'), overwrite: false, ...options })
const remove = (path: string) => run(deleteFile(guard), { path })
const textOf = ({ data }: CommandOutcome) =>
  Buffer.from(RESULT_DATA['files.read'].parse(data).content, 'base64').toString()
const leftovers = (path = folder) => readdirSync(path).filter((name) => name.startsWith('.breeze-'))

describe('what they do', () => {
  test('lists as ls does, with the true total', async () => {
    const own = join(folder, 'own')
    mkdirSync(own)
    writeFileSync(join(own, 'b'), 'four', { mode: 0o640 })
    mkdirSync(join(own, 'a'), { mode: 0o755 })
    symlinkSync('b', join(own, 'c'))
    execFileSync('mkfifo', [join(own, 'd')])
    chmodSync(join(own, 'a'), 0o1777)
    const { data, state: outcome } = await list(own, 3)
    expect(outcome).toBe('succeeded')
    const { entries, total, path } = RESULT_DATA['files.list'].parse(data)
    expect({ total, path }).toEqual({ total: 4, path: own })
    expect(entries.map(({ name, kind, mode, owner }) => [name, kind, mode, owner])).toEqual([
      ['a', 'folder', 'drwxrwxrwt', 'root'],
      ['b', 'file', '-rw-r-----', 'root'],
      ['c', 'link', 'lrwxrwxrwx', 'root'],
    ])
    expect(entries[1]?.sizeBytes).toBe(4)
    expect((await list(`${own}/./../own//`)).state).toBe('succeeded')
    expect((await list('/')).state).toBe('succeeded')
  })

  test('reads a part, or the whole with its hash', async () => {
    const path = join(folder, 'file')
    writeFileSync(path, 'hello world')
    const whole = await read(path)
    expect(whole).toMatchObject({ state: 'succeeded', data: { path, offset: 0, sizeBytes: 11 } })
    expect(RESULT_DATA['files.read'].parse(whole.data).sha256).toBe(
      createHash('sha256').update('hello world').digest('hex'),
    )
    const part = await read(path, 6, 3)
    expect([textOf(part), RESULT_DATA['files.read'].parse(part.data).sha256]).toEqual(['wor', null])
    expect(textOf(await read(path, 100))).toBe('')
  })

  test('reads through links, as /etc/os-release is one', async () => {
    expect(textOf(await read('/etc/os-release'))).toContain('NAME=')
  })

  test('writes a new file for its owner only, and a mode where one is given', async () => {
    const path = join(folder, 'new')
    expect(await put(path, 'content')).toMatchObject({
      state: 'succeeded',
      data: { path, sizeBytes: 7, replaced: false },
    })
    expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o7777]).toEqual(['content', 0o600])
    await put(join(folder, 'open'), '', { mode: 0o644 })
    expect(statSync(join(folder, 'open')).mode & 0o7777).toBe(0o644)
    expect(leftovers()).toEqual([])
  })

  test('overwrites only when asked, and keeps owner and mode', async () => {
    const path = join(folder, 'file')
    writeFileSync(path, 'old', { mode: 0o640 })
    chownSync(path, NOBODY, NOBODY)
    expect(await put(path, 'new')).toEqual({
      state: 'failed',
      reason: 'The file exists already, and overwriting was not asked for',
    })
    expect(readFileSync(path, 'utf8')).toBe('old')
    expect(await put(path, 'new', { overwrite: true })).toMatchObject({ state: 'succeeded', data: { replaced: true } })
    const { uid, gid, mode } = statSync(path)
    expect([readFileSync(path, 'utf8'), uid, gid, mode & 0o7777]).toEqual(['new', NOBODY, NOBODY, 0o640])
    expect(leftovers()).toEqual([])
  })

  test('deletes a file, a link and not what it leads to, and an empty folder', async () => {
    const [file, link, empty] = [join(folder, 'file'), join(folder, 'link'), join(folder, 'empty')]
    writeFileSync(file, 'x')
    symlinkSync(file, link)
    mkdirSync(empty)
    expect(await remove(link)).toMatchObject({ state: 'succeeded' })
    expect(existsSync(file)).toBe(true)
    expect(await remove(file)).toMatchObject({ state: 'succeeded', data: { path: file, sizeBytes: 1 } })
    expect(await remove(empty)).toMatchObject({ state: 'succeeded' })
    expect([existsSync(file), existsSync(empty)]).toEqual([false, false])
  })
})

describe('what they say', () => {
  test.each([
    ['a missing file', () => read(join(folder, 'no')), 'There is no such file or folder'],
    ['a missing folder', () => put(join(folder, 'no', 'x'), ''), 'There is no such file or folder'],
    ['a relative path', () => read('etc/passwd'), 'The path must be absolute'],
    ['a path with a zero byte', () => read('/etc/passwd\0.txt'), 'The path must be absolute'],
    ['a folder that is read', () => read(folder), 'It is not a regular file'],
    ['a file that is listed', () => list('/etc/passwd'), 'It is not a folder'],
    ['a folder that is overwritten', () => put(folder, '', { overwrite: true }), 'It is a folder'],
    ['a full folder that is deleted', () => remove(join(folder, 'full')), 'The folder is not empty'],
    ['a name that is too long', () => put(join(folder, 'x'.repeat(300)), ''), 'The name is too long'],
    [
      'content that is no base64',
      () => put(join(folder, 'x'), '', { content: 'a!' }),
      'The content is not valid base64',
    ],
    [
      'the parent as a name',
      () => remove(`${folder}/full/..`),
      'The path must end in the name of what is to be deleted',
    ],
  ])('%s', async (_, act, reason) => {
    mkdirSync(join(folder, 'full', 'inner'), { recursive: true })
    expect(await act()).toEqual({ state: 'failed', reason })
    expect(existsSync(join(folder, 'full', 'inner'))).toBe(true)
  })

  test('too much content is refused, and a full disk leaves nothing behind', async () => {
    const large = 'x'.repeat(512 * 1024 + 1)
    expect(await put(join(folder, 'large'), large)).toMatchObject({ state: 'failed' })
    expect(await put('/dev/full', 'x', { overwrite: true })).toEqual(PROTECTED)
    expect(readdirSync(folder)).toEqual(['state'])
  })
})

describe('what is no file', () => {
  test.each(['fifo', 'socket', 'device'])('a %s is neither read nor written nor waited for', async (kind) => {
    const path = join(folder, kind)
    if (kind === 'fifo') execFileSync('mkfifo', [path])
    else if (kind === 'device') execFileSync('mknod', [path, 'c', '1', '5'])
    else execFileSync('python3', ['-c', `import socket; socket.socket(socket.AF_UNIX).bind(${JSON.stringify(path)})`])
    expect(await read(path)).toEqual({ state: 'failed', reason: 'It is not a regular file' })
    expect(await put(path, 'x', { overwrite: true })).toEqual({ state: 'failed', reason: 'It is not a regular file' })
    expect(await remove(path)).toEqual({ state: 'failed', reason: 'It is neither a file nor an empty folder' })
  })

  test.each([
    '/proc/self/environ',
    '/proc/kcore',
    '/sys/kernel/uevent_seqnum',
    '/dev/zero',
    '/dev/null',
    '/proc/self/root/etc/shadow',
  ])('%s is protected', async (path) => {
    expect(await read(path)).toEqual(PROTECTED)
    expect(await put(path, 'x', { overwrite: true })).toEqual(PROTECTED)
  })

  test('another view of the kernel’s files is recognised where it is mounted', async () => {
    const mounted = join(folder, 'mounted')
    mkdirSync(mounted)
    const answer = inNamespace(`mount -t proc proc ${mounted}`, `${mounted}/version`)
    expect(answer).toMatchObject(PROTECTED)
  })
})

describe('what is protected', () => {
  const OWN = () => join(state, 'identity.json')
  test.each([
    ['the agent’s key', OWN],
    ['the server’s data', () => join(folder, 'server', 'db')],
    ['password hashes', () => '/etc/shadow'],
    ['a copy of them', () => '/etc/shadow.bak'],
    ['who may become root', () => '/etc/sudoers.d/anybody'],
    ['host keys', () => '/etc/ssh/ssh_host_ed25519_key'],
    ['a user’s keys', () => join(folder, '.ssh', 'authorized_keys')],
    ['the policy', () => '/etc/breeze-agent/policy.json'],
  ])('%s', async (_, path) => {
    for (const own of ['server', '.ssh']) mkdirSync(join(folder, own), { recursive: true })
    writeFileSync(join(folder, 'server', 'db'), 'x')
    writeFileSync(join(folder, '.ssh', 'authorized_keys'), 'x')
    const target = path()
    if (!existsSync(dirname(target))) return
    expect(await read(target)).toEqual(PROTECTED)
    expect(await put(target, 'x', { overwrite: true })).toEqual(PROTECTED)
    expect(await remove(target)).toEqual(PROTECTED)
  })

  test('the program can be read and not changed', async () => {
    writeFileSync(join(folder, 'agent'), 'binary')
    expect(await read(join(folder, 'agent'))).toMatchObject({ state: 'succeeded' })
    expect(await put(join(folder, 'agent'), 'x', { overwrite: true })).toEqual(PROTECTED)
    expect(await remove(join(folder, 'agent'))).toEqual(PROTECTED)
  })

  test('what the owner of the device adds counts at once', async () => {
    writeFileSync(join(folder, 'file'), 'x')
    expect(await read(join(folder, 'file'))).toMatchObject({ state: 'succeeded' })
    denied = [`${folder}/./file/`]
    expect(await read(join(folder, 'file'))).toEqual(PROTECTED)
    denied = ['/']
    expect(await list('/')).toEqual(PROTECTED)
  })
})

describe('ways around', () => {
  test.each([
    ['a link at the end', () => symlinkSync(join(state, 'identity.json'), join(folder, 'way'))],
    ['a relative link at the end', () => symlinkSync('state/identity.json', join(folder, 'way'))],
    [
      'a link to a link',
      () => (symlinkSync('state/identity.json', join(folder, 'x')), symlinkSync('x', join(folder, 'way'))),
    ],
    ['a hard link', () => linkSync('/etc/shadow', join(folder, 'way'))],
  ])('%s leads to nothing', async (_, prepare) => {
    prepare()
    expect(await read(join(folder, 'way'))).toEqual(PROTECTED)
    expect(readFileSync(join(state, 'identity.json'), 'utf8')).toBe('secret')
  })

  test.each([
    'link/identity.json',
    'other/../link/identity.json',
    'link/../state/identity.json',
    './/state/./identity.json',
  ])('the path %s leads to nothing', async (way) => {
    symlinkSync(state, join(folder, 'link'))
    mkdirSync(join(folder, 'other'))
    const path = `${folder}/${way}`
    expect(await read(path)).toEqual(PROTECTED)
    expect(await put(path, 'x', { overwrite: true })).toEqual(PROTECTED)
    expect(await remove(path)).toEqual(PROTECTED)
    expect(readFileSync(join(state, 'identity.json'), 'utf8')).toBe('secret')
  })

  test('a protected path that is itself a link is protected under both names', async () => {
    const data = join(folder, 'data')
    mkdirSync(data)
    symlinkSync(data, join(folder, 'server'))
    expect(await put(join(data, 'x'), '')).toEqual(PROTECTED)
    expect(await put(join(folder, 'server', 'x'), '')).toEqual(PROTECTED)
  })

  test('a bind mount of a protected folder is recognised', () => {
    const elsewhere = join(folder, 'elsewhere')
    mkdirSync(elsewhere)
    const answer = inNamespace(`mount --bind ${state} ${elsewhere}`, `${elsewhere}/identity.json`)
    expect(answer).toMatchObject(PROTECTED)
  })

  test('a link in the place of a file is not written through', async () => {
    writeFileSync(join(folder, 'victim'), 'safe')
    symlinkSync(join(folder, 'victim'), join(folder, 'link'))
    expect(await put(join(folder, 'link'), 'x', { overwrite: true })).toMatchObject({ state: 'failed' })
    symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling'))
    expect(await put(join(folder, 'dangling'), 'x')).toMatchObject({ state: 'failed' })
    expect([readFileSync(join(folder, 'victim'), 'utf8'), existsSync(join(folder, 'nowhere'))]).toEqual(['safe', false])
  })

  test('somebody else’s file with a name in a user’s folder is neither replaced nor deleted', async () => {
    const home = join(folder, 'home')
    mkdirSync(home)
    chownSync(home, NOBODY, NOBODY)
    writeFileSync(join(folder, 'roots'), 'x')
    linkSync(join(folder, 'roots'), join(home, 'mine'))
    const reason = 'The file has further names and belongs to somebody else than its folder'
    expect(await put(join(home, 'mine'), 'y', { overwrite: true })).toEqual({ state: 'failed', reason })
    expect(await remove(join(home, 'mine'))).toEqual({ state: 'failed', reason })
    expect(readFileSync(join(folder, 'roots'), 'utf8')).toBe('x')
  })

  test('set-user-id does not pass on to new content', async () => {
    const path = join(folder, 'tool')
    writeFileSync(path, 'x')
    chmodSync(path, 0o4755)
    await put(path, 'y', { overwrite: true })
    expect(statSync(path).mode & 0o7777).toBe(0o755)
  })

  test('a folder that is swapped after it was opened is not followed', async () => {
    const [open, target] = [join(folder, 'open'), join(folder, 'target')]
    for (const own of [open, target]) mkdirSync(own)
    const place = await Place.open(join(open, 'file'))
    renameSync(open, join(folder, 'moved'))
    symlinkSync(target, open)
    writeFileSync(place.at, 'x')
    await place.close()
    expect([readdirSync(target), readdirSync(join(folder, 'moved'))]).toEqual([[], ['file']])
  })

  test('a local user who swaps folder and link all the time gets nothing written to or read from a protected place', async () => {
    const home = join(folder, 'home')
    mkdirSync(join(home, 'real'), { recursive: true })
    writeFileSync(join(home, 'real', 'identity.json'), 'harmless')
    for (const own of [home, join(home, 'real'), join(home, 'real', 'identity.json')]) chownSync(own, NOBODY, NOBODY)
    chmodSync(folder, 0o755)
    const swapper = spawn(
      'setpriv',
      [
        '--reuid=65534',
        '--regid=65534',
        '--clear-groups',
        'sh',
        '-c',
        `cd ${home}; ln -s ${state} link; while :; do ln -sfn real way; ln -sfn link way; mv -T real real2 2>/dev/null && ln -s ${state} real && rm real && mv -T real2 real; done`,
      ],
      { stdio: 'ignore' },
    )
    const seen = new Set<string>()
    try {
      for (let n = 0; n < 150; n++) {
        for (const way of ['way', 'real']) {
          const outcome = await read(join(home, way, 'identity.json'))
          seen.add(outcome.state === 'succeeded' ? textOf(outcome) : outcome.state)
          await put(join(home, way, `planted-${n}`), 'x')
          await remove(join(home, way, 'identity.json.gone'))
        }
      }
    } finally {
      swapper.kill('SIGKILL')
    }
    expect(seen).not.toContain('secret')
    expect(seen).toContain('harmless')
    expect(readdirSync(state)).toEqual(['identity.json'])
    expect(lstatSync(join(state, 'identity.json')).isFile()).toBe(true)
  }, 60_000)
})

/** Reads a file in a mount namespace of its own, whose mounts vanish with it. */
function inNamespace(mount: string, path: string): unknown {
  const commands = [{ type: 'files.read' as const, args: { path, offset: 0, maxBytes: 100 } }]
  const [outcome] = carryOutElsewhere(['unshare', '-m'], mount, { stateDirectory: state, commands })
  return outcome
}
