import type { Command } from 'commander'
import { plural, say, sayJson, table } from '../print.ts'
import { listVerb, sayRest } from './organizations.ts'
import { actingVerb, answer, runVerb, wholeNumber, type CommonOptions } from './verb.ts'

interface CreateOptions extends CommonOptions {
  org: string
  site?: string
  uses?: number
  expires?: string
  simulated?: boolean
  approve?: boolean
}

interface ListedToken {
  id: string
  organization: { name: string }
  site: { name: string }
  uses_left: number
  state: string
  expires_at: string
}

export function enrollVerbs(program: Command): void {
  const enroll = program.command('enroll').description('enrollment tokens, with which agents bring devices in')
  actingVerb(
    enroll,
    'create',
    'make a token; it is printed once',
    "breeze enroll create --org 'Acme Dental' --uses 20 --expires 1h",
  )
    .requiredOption('--org <organization>', 'its id or name')
    .option('--site <site>', "its id or name; the organization's first site, when left out")
    .option('--uses <number>', 'how many devices may enroll with it; 1, when left out', wholeNumber)
    .option('--expires <duration>', 'such as 15m or 7d; 1h, when left out')
    .option('--simulated', 'its devices are marked as simulated')
    .option('--approve', 'its devices get no commands until a person approves each')
    .action(async (options: CreateOptions) => {
      const { org, site, uses, expires, simulated, approve } = options
      const input = { organization: org, site, uses, expires_in: expires, simulated, requires_approval: approve }
      const made = await runVerb(options, 'create_enrollment_token', input)
      answer(options, made, ['token', 'expires_at'], () => {
        const place = [made['organization'], made['site']].map((part) => (part as { name: string }).name).join(' / ')
        return [
          `A token for ${plural(Number(made['uses']), 'device')} of ${place}, until ${made['expires_at']}:`,
          String(made['token']),
          'On each Linux machine:',
          String(made['install_command']),
        ].join('\n')
      })
    })
  listVerb(enroll, 'list tokens with what is left of them', "breeze enroll list --org 'Acme Dental'")
    .option('--org <organization>', 'its id or name')
    .action(async (options: CommonOptions & { org?: string; limit?: number; cursor?: string }) => {
      const { org, limit, cursor } = options
      const data = await runVerb(options, 'list_enrollment_tokens', { organization: org, limit, cursor })
      if (options.json) return sayJson(data)
      const rows = data['enrollment_tokens'] as ListedToken[]
      say(
        table(
          ['id', 'organization', 'site', 'uses left', 'state', 'expires'],
          rows.map((row) => [
            row.id,
            row.organization.name,
            row.site.name,
            String(row.uses_left),
            row.state,
            row.expires_at,
          ]),
        ),
      )
      sayRest(data)
    })
  actingVerb(enroll, 'delete <token>', 'end a token at once, by its id', 'breeze enroll delete 019f2c1e-…').action(
    async (token: string, options: CommonOptions) => {
      const gone = await runVerb(options, 'delete_enrollment_token', { token })
      answer(options, gone, ['id', 'state'], () => `The enrollment token ${gone['id']} is deleted.`)
    },
  )
}
