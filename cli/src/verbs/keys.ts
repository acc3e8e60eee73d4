import type { Command } from 'commander'
import { findServer } from '../server.ts'
import { usage } from '../failure.ts'
import { say, sayJson, table } from '../print.ts'
import { listVerb, sayRest } from './organizations.ts'
import { actingVerb, answer, collect, runVerb, type CommonOptions } from './verb.ts'

interface CreateOptions extends CommonOptions {
  scopes: string[]
  org?: string[]
  partner?: boolean
  expires?: string
  ip?: string[]
  user?: string
}
interface UpdateOptions extends CommonOptions {
  name?: string
  scopes?: string[]
  expires?: string
  ip?: string[]
  anyIp?: boolean
}
interface ListedKey {
  id: string
  name: string
  prefix: string
  state: string
  scopes: string[]
  user: { name: string | null }
  expires_at: string | null
  last_used_at: string | null
}

export function keyVerbs(program: Command): void {
  const keys = program.command('key').description('API keys, with which assistants and scripts connect')
  createVerb(keys)
  listKeysVerb(keys)
  updateVerb(keys)
  rotateAndDelete(keys)
  rotateSigningVerb(keys)
}

function createVerb(keys: Command): void {
  actingVerb(
    keys,
    'create <name>',
    'make a key; its secret is printed once',
    "breeze key create 'Claude Code' --scopes ai:read,ai:write --org 'Acme Dental' --expires 30d",
  )
    .requiredOption('--scopes <scopes>', 'such as ai:read,devices.write', collect)
    .option('--org <organization>', 'what it reaches, by id or name; repeat for several', collect)
    .option('--partner', 'reaches every organization you reach')
    .option('--expires <duration>', 'such as 12h or 30d; never, when left out')
    .option('--ip <range>', 'address or range that it works from; repeat for several', collect)
    .option('--user <user>', 'a service user of yours that the key is for')
    .action(async (name: string, options: CreateOptions) => {
      const { scopes, org, partner, expires, ip, user } = options
      if (org && partner) throw usage('Give --org or --partner, not both.')
      const input = {
        name,
        scopes,
        organizations: org,
        partner_wide: partner,
        expires_in: expires,
        ip_allow_list: ip,
        user,
      }
      const made = await runVerb(options, 'create_api_key', input)
      const { origin } = await findServer()
      answer(options, made, ['id', 'name', 'key', 'scopes', 'expires_at'], () =>
        [
          `Created the key ${made['name']} (${made['id']}), expires: ${made['expires_at'] ?? 'never'}.`,
          'Its secret, shown only now:',
          String(made['key']),
          '',
          'Connect Claude Code with it:',
          `claude mcp add --transport http breeze ${origin}/api/v1/mcp --header "X-API-Key: ${String(made['key'])}"`,
        ].join('\n'),
      )
    })
}

function listKeysVerb(keys: Command): void {
  listVerb(keys, 'list keys with scopes, expiry and last use', "breeze key list --org 'Acme Dental'")
    .option('--org <organization>', 'only keys that reach it, by id or name')
    .option('--state <state>', 'active, expired or deleted; repeat for several', collect)
    .action(async (options: CommonOptions & { org?: string; state?: string[]; limit?: number; cursor?: string }) => {
      const { org, state, limit, cursor } = options
      const data = await runVerb(options, 'list_api_keys', { organization: org, state, limit, cursor })
      if (options.json) return sayJson(data)
      const rows = data['api_keys'] as ListedKey[]
      say(
        table(
          ['id', 'name', 'secret', 'user', 'scopes', 'state', 'expires', 'last used'],
          rows.map((row) => [
            row.id,
            row.name,
            `${row.prefix}…`,
            row.user.name ?? '-',
            row.scopes.join(','),
            row.state,
            row.expires_at ?? 'never',
            row.last_used_at ?? 'never',
          ]),
        ),
      )
      sayRest(data)
    })
}

function updateVerb(keys: Command): void {
  actingVerb(
    keys,
    'update <key>',
    'change a key, by id or name; its secret stays',
    'breeze key update ci --scopes ai:read --expires 90d',
  )
    .option('--name <name>', 'the new name')
    .option('--scopes <scopes>', 'all scopes from now on', collect)
    .option('--expires <duration>', 'from now, such as 30d; or never')
    .option('--ip <range>', 'all ranges from now on; repeat for several', collect)
    .option('--any-ip', 'works from everywhere')
    .action(async (key: string, options: UpdateOptions) => {
      const { name, scopes, expires, ip, anyIp } = options
      if (ip && anyIp) throw usage('Give --ip or --any-ip, not both.')
      if (![name, scopes, expires, ip, anyIp].some((item) => item !== undefined)) throw usage('Say what to change.')
      const ranges = anyIp ? null : ip
      const now = await runVerb(options, 'update_api_key', {
        key,
        name,
        scopes,
        expires_in: expires,
        ip_allow_list: ranges,
      })
      answer(options, now, ['id', 'name', 'scopes', 'expires_at', 'ip_allow_list'], () => {
        const scopesNow = now['scopes'] as string[]
        return `${now['name']} (${now['id']}): ${scopesNow.join(', ')}; expires: ${now['expires_at'] ?? 'never'}.`
      })
    })
}

function rotateAndDelete(keys: Command): void {
  actingVerb(keys, 'rotate <key>', 'give a key a new secret, by id or name', 'breeze key rotate ci --overlap 2h')
    .option('--overlap <duration>', 'how long the former secret still works; 24h, when left out; 0 for not at all')
    .action(async (key: string, options: CommonOptions & { overlap?: string }) => {
      const made = await runVerb(options, 'rotate_api_key', { key, overlap: options.overlap })
      answer(options, made, ['id', 'name', 'key', 'scopes', 'expires_at', 'former_secret_until'], () =>
        [
          `The former secret of ${made['name']} works ${made['former_secret_until'] ? `until ${made['former_secret_until']}` : 'no longer'}.`,
          'The new one, shown only now:',
          String(made['key']),
        ].join('\n'),
      )
    })
  actingVerb(keys, 'delete <key>', 'end a key at once, by id or name', 'breeze key delete ci').action(
    async (key: string, options: CommonOptions) => {
      const gone = await runVerb(options, 'delete_api_key', { key })
      answer(options, gone, ['id', 'name', 'state'], () => `The key ${gone['name']} (${gone['id']}) is deleted.`)
    },
  )
}

function rotateSigningVerb(keys: Command): void {
  actingVerb(
    keys,
    'rotate-signing',
    'let the next key sign commands to agents; what was signed before stays valid',
    'breeze key rotate-signing --yes',
  ).action(async (options: CommonOptions) => {
    const now = await runVerb(options, 'rotate_signing_key', {})
    answer(
      options,
      now,
      ['current', 'next', 'former'],
      () => `Commands are signed with ${now['current']} from now on; agents learn ${now['next']} as the next one.`,
    )
  })
}
