import type { Command } from 'commander'
import { plural, say, sayJson, table } from '../print.ts'
import { actingVerb, answer, collect, runVerb, verb, wholeNumber, type CommonOptions } from './verb.ts'

interface Named {
  id: string
  name: string
}
type ListOptions = CommonOptions & { limit?: number; cursor?: string; org?: string[] }

export function organizationVerbs(program: Command): void {
  const organizations = program.command('org').description('organizations: the customers of this partner')
  actingVerb(organizations, 'create <name>', 'add an organization', "breeze org create 'Acme Dental'").action(
    async (name: string, options: CommonOptions) => {
      const made = await runVerb(options, 'create_organization', { name })
      answer(options, made, ['id', 'name'], () => `Created the organization ${made['name']} (${made['id']}).`)
    },
  )
  listVerb(organizations, 'list the organizations you reach', 'breeze org list').action(
    async (options: ListOptions) => {
      const { limit, cursor } = options
      const data = await runVerb(options, 'list_organizations', { limit, cursor })
      if (options.json) return sayJson(data)
      const rows = data['organizations'] as (Named & { sites: number; assistants_enabled: boolean })[]
      say(
        table(
          ['id', 'name', 'sites', 'assistants'],
          rows.map((row) => [row.id, row.name, String(row.sites), row.assistants_enabled ? 'on' : 'off']),
        ),
      )
      sayRest(data)
    },
  )
}

export function siteVerbs(program: Command): void {
  const sites = program.command('site').description('sites: the locations of an organization')
  actingVerb(
    sites,
    'create <name>',
    'add a site to an organization',
    "breeze site create 'Main Office' --org 'Acme Dental'",
  )
    .requiredOption('--org <organization>', 'its id or name')
    .action(async (name: string, options: CommonOptions & { org: string }) => {
      const made = await runVerb(options, 'create_site', { name, organization: options.org })
      answer(options, made, ['id', 'name', 'organization'], () => {
        const { name: organization } = made['organization'] as Named
        return `Created the site ${made['name']} (${made['id']}) in ${organization}.`
      })
    })
  listVerb(sites, 'list the sites you reach', "breeze site list --org 'Acme Dental'")
    .option('--org <organization>', 'only these organizations, by id or name', collect)
    .action(async (options: ListOptions) => {
      const { limit, cursor, org } = options
      const data = await runVerb(options, 'list_sites', { organization: org, limit, cursor })
      if (options.json) return sayJson(data)
      const rows = data['sites'] as (Named & { organization: Named })[]
      say(
        table(
          ['id', 'name', 'organization'],
          rows.map((row) => [row.id, row.name, row.organization.name]),
        ),
      )
      sayRest(data)
    })
}

export function listVerb(parent: Command, description: string, example: string): Command {
  return verb(parent, 'list', description, example)
    .option('--limit <number>', 'how many to show, at most 200', wholeNumber)
    .option('--cursor <cursor>', 'where the page before ended')
}

export function sayRest(data: Readonly<Record<string, unknown>>): void {
  const { total, next_cursor: next } = data
  say(
    `\n${plural(Number(total), 'entry').replace(/entrys$/, 'entries')} in all.${typeof next === 'string' ? ` More: --cursor ${next}` : ''}`,
  )
}
