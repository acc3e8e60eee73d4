import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'breeze-run-child-'))
const helper = join(import.meta.dirname, 'run-child.mjs')

/** Stops in order, after a moment, and says how often it was asked. */
const server = `
  let asked = 0
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {
    asked += 1
    setTimeout(() => { console.log(signal + ' ' + asked); process.exit(7) }, 200)
  })
  console.log('up')
  setInterval(() => undefined, 1000)`

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Starts parent and child, sends the signal and answers with what the child said and how the parent ended. */
async function signalled(signal: NodeJS.Signals, whom: 'group' | 'parent', source = server) {
  writeFileSync(join(folder, 'child.mjs'), source)
  writeFileSync(
    join(folder, 'parent.mjs'),
    `import { exitLike, runChild } from ${JSON.stringify(helper)}
     exitLike(await runChild(process.execPath, [${JSON.stringify(join(folder, 'child.mjs'))}]))`,
  )
  const parent = spawn(process.execPath, [join(folder, 'parent.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  let said = ''
  parent.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  await once(parent.stdout, 'data')
  const pid = parent.pid
  if (pid === undefined) throw new Error('no parent')
  process.kill(whom === 'group' ? -pid : pid, signal)
  const [code, endedBy] = await once(parent, 'close')
  return { said: said.trim().split('\n').slice(1), code, endedBy }
}

it('passes Ctrl-C on once, though it reaches the whole group, and answers with the exit code', async () => {
  expect(await signalled('SIGINT', 'group')).toEqual({ said: ['SIGINT 1'], code: 7, endedBy: null })
})

it('passes SIGTERM on that reached it alone', async () => {
  expect(await signalled('SIGTERM', 'parent')).toEqual({ said: ['SIGTERM 1'], code: 7, endedBy: null })
})

it('turns a closed terminal into an orderly stop', async () => {
  expect(await signalled('SIGHUP', 'group')).toEqual({ said: ['SIGTERM 1'], code: 7, endedBy: null })
})

it('ends by the signal that ended its child', async () => {
  const deaf = `console.log('up'); setInterval(() => undefined, 1000)`
  expect(await signalled('SIGTERM', 'parent', deaf)).toEqual({ said: [], code: null, endedBy: 'SIGTERM' })
})
