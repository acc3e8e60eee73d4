/** The entry of the CLI: reads the command line, runs one verb, ends with 0 (done), 1 (refused), 2 (usage) or 3 (no server). */
import { Command, CommanderError } from 'commander'
import { EXIT, Failure } from './failure.ts'
import { note } from './print.ts'
import { agentVerbs } from './verbs/agent.ts'
import { approvalVerbs } from './verbs/approvals.ts'
import { auditVerbs } from './verbs/audit.ts'
import { call, CALL_HELP, tools } from './verbs/call.ts'
import { enrollVerbs } from './verbs/enroll.ts'
import { fleetVerbs } from './verbs/fleet.ts'
import { importVerbs } from './verbs/import.ts'
import { keyVerbs } from './verbs/keys.ts'
import { organizationVerbs, siteVerbs } from './verbs/organizations.ts'
import { statusVerb } from './verbs/status.ts'
import { userVerbs } from './verbs/users.ts'
import { verb, type CommonOptions } from './verbs/verb.ts'
import { VERSION } from './version.ts'

function program(): Command {
  const breeze = new Command('breeze')
    .description('Operates a Breeze server.')
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('See --help.')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'breeze: ')) })
    .addHelpText(
      'after',
      "\nOn the server's machine it acts as the first Partner Admin; elsewhere set BREEZE_URL and BREEZE_KEY.\n\nExample:\n  breeze status",
    )
  statusVerb(breeze)
  organizationVerbs(breeze)
  siteVerbs(breeze)
  userVerbs(breeze)
  keyVerbs(breeze)
  enrollVerbs(breeze)
  agentVerbs(breeze)
  approvalVerbs(breeze)
  importVerbs(breeze)
  verb(breeze, 'tools', 'list the tools this credential may call', 'breeze tools').action((options: CommonOptions) =>
    tools(options),
  )
  // Its flags depend on the tool: they are read from its schema, not here.
  breeze.command('call').usage('TOOL [--input JSON | --flag value ...]').description('call any tool').helpOption(false)
  auditVerbs(breeze)
  fleetVerbs(breeze)
  return breeze
}

async function main(args: readonly string[]): Promise<void> {
  const [first, ...rest] = args
  if (first === 'call') return call(rest)
  if (first === 'help' && rest[0] === 'call') return void process.stdout.write(CALL_HELP)
  await program().parseAsync([...args], { from: 'user' })
}

function fail(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage
  if (!(error instanceof Failure)) {
    note(`breeze: ${error instanceof Error ? error.message : String(error)}`)
    return EXIT.refused
  }
  if (json)
    note(JSON.stringify(error.detail ?? { reason: error.message, ...(error.remedy && { remedy: error.remedy }) }))
  else note(failureText(error))
  return error.exitCode
}

function failureText({ message, remedy, detail = {} }: Failure): string {
  const candidates = Array.isArray(detail['candidates'])
    ? (detail['candidates'] as { id: string; name: string; detail?: string }[])
    : []
  return [
    `breeze: ${message}`,
    ...candidates.map((item) => `  ${item.id}  ${item.name}${item.detail ? ` (${item.detail})` : ''}`),
    ...(remedy === undefined ? [] : [`  ${remedy}`]),
    ...(typeof detail['audit_entry'] === 'string' ? [`  Audit entry: ${detail['audit_entry']}`] : []),
  ].join('\n')
}

// `breeze key list | head` ends the reader early; that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

const args = process.argv.slice(2)
try {
  await main(args)
} catch (error) {
  process.exitCode = fail(error, args.includes('--json'))
}
