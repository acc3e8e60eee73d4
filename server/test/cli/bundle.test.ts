import { mkdtemp, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { boot, type Harness } from '../harness.ts'
import { runCli } from './run-cli.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const WRAPPER = join(ROOT, 'cli', 'bin', 'breeze.mjs')
/** As scripts/build.mjs does it: CommonJS packages in an ES module still call `require`. */
const BANNER =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);"

let h: Harness
let folder: string
let entry: string

beforeAll(async () => {
  h = await boot()
  await h.organization('Acme')
  folder = await mkdtemp(join(tmpdir(), 'breeze-cli-bundle-'))
  entry = join(folder, 'cli.mjs')
  await build({
    entryPoints: [join(ROOT, 'cli/src/main.ts')],
    outfile: entry,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    logLevel: 'error',
    banner: { js: BANNER },
  })
})
afterAll(async () => {
  await h.stop()
  await rm(folder, { recursive: true, force: true })
})

describe('the bundle', () => {
  it('works alone, the agent and the simulator included', async () => {
    const env = { BREEZE_DATA_DIR: h.dataDir }
    const status = await runCli(['status', '--json'], { entry, env })
    expect([status.code, JSON.parse(status.stdout)]).toMatchObject([0, { ready: true, url: h.server.url }])
    const call = await runCli(['call', 'list_organizations', '--text', 'acme', '--json'], { entry, env })
    expect(JSON.parse(call.stdout)).toMatchObject({ total: 1 })
    const fleet = await runCli(['fleet', 'simulate', '--devices', '2', '--json'], {
      entry,
      env,
      started: (child) => child.stdout?.once('data', () => child.kill('SIGTERM')),
    })
    expect([fleet.code, JSON.parse(fleet.stdout.split('\n')[0] ?? '')]).toMatchObject([0, { devices: 2, enrolled: 2 }])
    const agent = await runCli(['agent', 'run', '--server', 'ftp://x'], { entry })
    expect([agent.code, agent.stderr]).toEqual([2, expect.stringContaining('must be https')])
  })
})

describe('the command that npm links', () => {
  it('may be executed, and finds the project through the link', async () => {
    expect((await stat(WRAPPER)).mode & 0o111).toBe(0o111)
    const link = join(folder, 'breeze')
    await symlink(WRAPPER, link)
    const version = await runCli(['--version'], { entry: link })
    expect([version.code, version.stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)])
  })

  it('started by an older Node, hands over to the pinned one with its arguments and its exit code', async () => {
    const old = 'data:text/javascript,Object.defineProperty(process.versions, "node", { value: "20.0.0" })'
    const wrong = await runCli(['org', 'create'], { entry: WRAPPER, nodeOptions: ['--import', old] })
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("missing required argument 'name'")])
  })
})
