import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { boot, type Harness } from '../harness.ts'
import { runCli, type CliOptions } from './run-cli.ts'

let h: Harness

beforeAll(async () => {
  h = await boot()
  const acme = await h.organization('Acme')
  await h.organization('Globex')
  await h.device(acme, 'srv-1', { role: 'server', status: 'online' })
  await h.device(acme, 'pc-1')
})
afterAll(() => h.stop())

const cli = (args: readonly string[], options: CliOptions = {}) =>
  runCli(['call', ...args], { ...options, env: { BREEZE_DATA_DIR: h.dataDir, ...options.env } })

describe('call', () => {
  it('turns flags into the input: text, numbers, booleans, repetition and commas', async () => {
    const list = await cli(['list_devices', '--limit', '1', '--status', 'online', '--json'])
    expect(list.stderr).toBe('')
    expect(JSON.parse(list.stdout)).toMatchObject({ total: 1, devices: [{ name: 'srv-1' }] })
    const by = [
      ['--organization', 'Acme,Globex'],
      ['--organization', 'Acme', '--organization=Globex'],
      ['--organization', '["Acme","Globex"]'],
    ]
    for (const flags of by)
      expect(JSON.parse((await cli(['list_sites', ...flags, '--json'])).stdout)).toMatchObject({ total: 2 })
    expect(JSON.parse((await cli(['list-sites', '--organization', 'Globex', '--json'])).stdout)).toMatchObject({
      total: 1,
    })
    const off = await cli([
      'update_organization',
      '--organization',
      'Globex',
      '--no-assistants-enabled',
      '--approval-limit=3',
      '--json',
    ])
    expect(JSON.parse(off.stdout)).toMatchObject({ assistants_enabled: false, approval_limit: 3 })
    const nested = await cli(['preview_action', '--tool', 'create_site', '--input', '{"tool":"x"}'])
    expect([nested.code, nested.stderr]).toEqual([2, expect.stringContaining('not both')])
  })

  it('takes the whole input as JSON, from a file and from standard input', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'breeze-cli-'))
    await writeFile(join(folder, 'input.json'), '{"text":"glob"}')
    const ways: [string[], string?][] = [
      [['--input', '{"text":"glob"}']],
      [['--input', `@${join(folder, 'input.json')}`]],
      [['--input', '-'], '{"text":"glob"}'],
    ]
    for (const [args, input] of ways) {
      const result = await cli(['list_organizations', ...args, '--json'], input === undefined ? {} : { input })
      expect(JSON.parse(result.stdout)).toMatchObject({ total: 1, organizations: [{ name: 'Globex' }] })
    }
    await rm(folder, { recursive: true })
  })

  it('prints tables for people', async () => {
    const { stdout } = await cli(['list_devices'])
    expect(stdout).toMatch(/^ID +NAME +ORGANIZATION/)
    expect(stdout).toMatch(/srv-1 +Acme +Main Office/)
  })

  it('shows the inputs of a tool', async () => {
    const { stdout, code } = await cli(['list_devices', '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('Usage: breeze call list_devices')
    expect(stdout).toMatch(/--status: +.*online \| offline \| pending/)
    const tools = await runCli(['tools', '--json'], { env: { BREEZE_DATA_DIR: h.dataDir } })
    expect(JSON.parse(tools.stdout).tools.map((tool: { name: string }) => tool.name)).toContain('create_api_key')
  })

  it('refuses what it can not read with exit code 2', async () => {
    const wrong: [string[], RegExp][] = [
      [[], /Which tool/],
      [['--json'], /Name the tool first/],
      [['list_devices', '--colour', 'red'], /no input --colour/],
      [['list_devices', '--limit', 'few'], /--limit must be a number/],
      [['list_devices', '--limit'], /--limit needs a value/],
      [['list_devices', '--limit', '1', '--limit', '2'], /given 2 times/],
      [['list_devices', 'online'], /What is "online"/],
      [['list_devices', '--input', '{'], /not valid JSON/],
      [['list_devices', '--input', '[]'], /one JSON object/],
      [['list_devices', '--input', '@/nonexistent'], /can't be read/],
      [['list_devices', '--limit', '1000'], /limit: /],
      [['list_devices', '--dry-run'], /no dry run/],
      [['no_such_tool'], /There is no tool "no_such_tool"/],
      [['devices'], /Did you mean list_devices/],
    ]
    for (const [args, message] of wrong) {
      const result = await cli(args)
      expect([args, result.code]).toEqual([args, 2])
      expect(result.stderr).toMatch(message)
    }
  })

  it('shows the plan and does nothing on a dry run', async () => {
    const args = ['create_site', '--name', 'Never', '--organization', 'Acme', '--dry-run', '--json']
    expect(JSON.parse((await cli(args)).stdout)).toMatchObject({
      state: 'dry_run',
      plan: { summary: 'Create the site "Never" in Acme.' },
    })
    expect(await h.sql(`select from sites where name = 'Never'`)).toHaveLength(0)
  })

  it('tells why a tier-4 action is refused, though it is listed to nobody', async () => {
    for (const args of [
      ['manage_organization', '--action', 'delete', '--organization', 'Acme'],
      ['export_secrets'],
      ['change_own_rights'],
      ['manage_audit', '--action', 'disable'],
      ['manage_organization', '--input={"action":"delete"}', '--dry-run'],
    ]) {
      const result = await cli([...args, '--json'])
      expect([args, result.code, JSON.parse(result.stderr)]).toMatchObject([
        args,
        1,
        { code: 'blocked', audit_entry: expect.any(String) },
      ])
    }
  })
})

describe('a held call', () => {
  const held = ['create_site', '--organization', 'Acme', '--json', '--name']

  beforeAll(() =>
    cli(['set_confirmation_policy', '--policy', 'preview', '--organization', 'Acme', '--tool', 'create_site']),
  )

  it('without a terminal does nothing, and tells the token', async () => {
    const result = await cli([...held, 'Held'])
    expect(result.code).toBe(1)
    expect(result.stderr).toContain('Create the site "Held" in Acme.')
    const said = JSON.parse(result.stderr.split('\n').at(-2) ?? '')
    expect(said).toMatchObject({
      code: 'confirmation_required',
      confirmation: { token: expect.stringMatching(/^brzc_/) },
    })
    expect(await h.sql(`select from sites where name = 'Held'`)).toHaveLength(0)
    const confirmed = await cli([...held, 'Held', '--confirmation', said.confirmation.token])
    expect(JSON.parse(confirmed.stdout)).toMatchObject({ name: 'Held' })
    const again = await cli([...held, 'Held', '--confirmation', said.confirmation.token])
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('confirmation_invalid')])
  })

  it('goes through with --yes, on its own verb too', async () => {
    expect(JSON.parse((await cli([...held, 'Confirmed', '--yes'])).stdout)).toMatchObject({ name: 'Confirmed' })
    const env = { BREEZE_DATA_DIR: h.dataDir }
    const bare = await runCli(['site', 'create', 'Second', '--org', 'Acme'], { env })
    expect([bare.code, bare.stderr]).toEqual([1, expect.stringContaining('Repeat the command with --yes')])
    const verb = await runCli(['site', 'create', 'Second', '--org', 'Acme', '--yes', '--json'], { env })
    expect(JSON.parse(verb.stdout)).toMatchObject({ name: 'Second' })
  })
})
