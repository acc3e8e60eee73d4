import type { Command } from 'commander'
import { plural } from '../print.ts'
import { actingVerb, answer, runVerb, wholeNumber, type CommonOptions } from './verb.ts'

interface CreateOptions extends CommonOptions {
  org: string
  site?: string
  uses?: number
  expires?: string
  simulated?: boolean
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
    .action(async (options: CreateOptions) => {
      const { org, site, uses, expires, simulated } = options
      const input = { organization: org, site, uses, expires_in: expires, simulated }
      const made = await runVerb(options, 'create_enrollment_token', input)
      answer(options, made, ['token', 'expires_at'], () => {
        const place = [made['organization'], made['site']].map((part) => (part as { name: string }).name).join(' / ')
        return `A token for ${plural(Number(made['uses']), 'device')} of ${place}, until ${made['expires_at']}:\n${made['token']}`
      })
    })
}
