import type { Command } from 'commander'
import { say, sayJson, table } from '../print.ts'
import { listVerb, sayRest } from './organizations.ts'
import { actingVerb, answer, collect, runVerb, type CommonOptions } from './verb.ts'

interface CreateOptions extends CommonOptions {
  role: string
  org?: string[]
  site?: string[]
  name?: string
  service?: boolean
  owner?: string
}

interface ListedUser {
  id: string
  name: string
  kind: string
  disabled: boolean
  roles: { role: string; organization: { name: string | null } | null }[]
}

export function userVerbs(program: Command): void {
  const users = program.command('user').description('people and service users')
  actingVerb(
    users,
    'create <email>',
    'add a person (or, with --service, a service user of that name)',
    "breeze user create tess@example.com --role Technician --org 'Acme Dental'",
  )
    .requiredOption('--role <role>', 'id or name, such as Technician or partner_admin')
    .option('--org <organization>', 'where the role is held, by id or name; repeat for several', collect)
    .option('--site <site>', 'only these sites of the one organization; repeat for several', collect)
    .option('--name <name>', 'the name of the person')
    .option('--service', 'a service user: it never signs in and owns keys that outlive a person')
    .option('--owner <user>', 'who answers for the service user; you, when left out')
    .action(async (email: string, options: CreateOptions) => {
      const { role, org, site, owner } = options
      const who = options.service ? { kind: 'service', name: email, owner } : { email, name: options.name }
      const made = await runVerb(options, 'create_user', { ...who, role, organizations: org, sites: site })
      answer(options, made, ['id', 'email', 'password'], () =>
        [
          `Created ${made['name']} (${made['id']}): ${made['roles']}.`,
          ...(made['password'] === undefined ? [] : [`One-time password, shown only now: ${made['password']}`]),
        ].join('\n'),
      )
    })
  listVerb(users, 'list users with their roles', 'breeze user list').action(
    async (options: CommonOptions & { limit?: number; cursor?: string }) => {
      const data = await runVerb(options, 'list_users', { limit: options.limit, cursor: options.cursor })
      if (options.json) return sayJson(data)
      const rows = data['users'] as ListedUser[]
      say(
        table(
          ['id', 'name', 'kind', 'roles', 'state'],
          rows.map((row) => [row.id, row.name, row.kind, rolesText(row), row.disabled ? 'disabled' : 'active']),
        ),
      )
      sayRest(data)
    },
  )
}

const rolesText = (user: ListedUser): string =>
  user.roles
    .map(({ role, organization }) => (organization ? `${role} at ${organization.name ?? 'an organization'}` : role))
    .join(', ')
