import { SCRIPT_LANGUAGES } from '@breeze/contract/agent-commands'
import { z } from 'zod'
import {
  asList,
  listInput,
  listOutput,
  oneOrMany,
  pageEnd,
  pageStart,
  referenceField,
} from '../../../identity/fields.ts'
import { defineTool, type RunContext } from '../../../kernel/tool.ts'
import { countsByState, liveState } from '../../commands/present.ts'
import { findScript, readVersion, type Script, SYSTEMS } from '../library.ts'
import { type ListedScript, listScripts, runsOf, versionsOf } from '../listing.ts'

const MOST_VERSIONS = 50
const MOST_RUNS = 10

const input = z.object({
  text: z.string().min(1).max(200).optional(),
  language: oneOrMany(z.enum(SCRIPT_LANGUAGES)).optional(),
  os: z.enum(SYSTEMS).optional(),
  archived: z.boolean().default(false),
  script: referenceField.optional().describe('Id or name: whole.'),
  version: z.number().int().min(1).optional(),
  ...listInput,
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'list_scripts',
  title: 'List scripts',
  description:
    'The script library for run_script, with parameters. Of one named: text, versions, recent runs. Reads only.',
  area: 'scripts',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'scripts.read' },
  input,
  output: z.object({
    scripts: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        description: z.string(),
        organization: z.object({ id: z.string(), name: z.string() }).nullable().describe('Null: for all.'),
        language: z.string(),
        os: z.array(z.string()),
        version: z.number().int(),
        parameters: z.unknown(),
        built_in: z.boolean(),
        archived: z.boolean(),
        updated_at: z.string(),
      }),
    ),
    ...listOutput,
    content: z.string().optional(),
    run_as: z.string().nullable().optional(),
    timeout_seconds: z.number().int().optional(),
    digest: z.string().optional(),
    undo: z.string().optional(),
    versions: z.array(z.record(z.string(), z.unknown())).optional(),
    runs: z.array(z.record(z.string(), z.unknown())).optional(),
  }),
  async run(context, asked) {
    if (asked.script !== undefined) return { ...(await oneScript(context, asked.script, asked)), page: { total: 1 } }
    const { text, os, archived, limit, cursor } = asked
    const filter = { text, os, archived, languages: asList(asked.language) }
    const after = pageStart('scripts', filter, cursor)
    const { rows, counted, next } = await listScripts(context.tx, filter, { limit, after })
    return { scripts: rows, whole: null, page: pageEnd('scripts', filter, counted, next) }
  },
  present: ({ scripts, whole, page }) => ({
    text: [...(whole ? [] : [`${page.total} scripts.`]), ...scripts.map(line), ...(whole ? wholeText(whole) : [])].join(
      '\n',
    ),
    data: {
      scripts: scripts.map(({ builtIn, archivedAt, updatedAt, ...script }) => ({
        ...script,
        built_in: builtIn,
        archived: archivedAt !== null,
        updated_at: updatedAt,
      })),
      ...page,
      ...(whole && {
        content: whole.content,
        run_as: whole.runAs,
        timeout_seconds: whole.timeoutSeconds,
        digest: whole.digest,
        ...(whole.undo !== null && { undo: whole.undo }),
        versions: whole.versions.map(({ savedAt, savedBy, ...saved }) => ({
          ...saved,
          saved_at: savedAt,
          saved_by: savedBy,
        })),
        runs: whole.runs,
      }),
    },
  }),
})

async function oneScript({ tx, services }: RunContext, reference: string, { version }: Input) {
  const script = await findScript(tx, reference)
  const read = await readVersion(tx, script, version)
  const runs = await runsOf(tx, script.id, MOST_RUNS)
  const progress = await services.commands.progressOf(
    tx,
    runs.map(({ operation }) => operation),
  )
  return {
    scripts: [listedOf(script, read)],
    whole: {
      ...read,
      versions: await versionsOf(tx, script.id, MOST_VERSIONS),
      runs: runs.flatMap(({ id, operation, startedAt, version: ran }) => {
        const of = progress.get(operation)
        if (!of) return []
        return [
          { run: id, version: ran, started_at: startedAt, state: liveState('running', of), counts: countsByState(of) },
        ]
      }),
    },
  }
}

type Version = Awaited<ReturnType<typeof readVersion>>
const listedOf = (script: Script, { language, os, parameters, version }: Version): ListedScript => ({
  id: script.id,
  organization:
    script.organizationId === null
      ? null
      : { id: script.organizationId, name: script.organizationName ?? script.organizationId },
  name: script.name,
  description: script.description,
  language,
  os,
  version,
  parameters,
  builtIn: script.builtIn !== null,
  archivedAt: script.archivedAt,
  updatedAt: script.updatedAt,
})

function line({ id, name, description, language, os, organization, version, archivedAt }: ListedScript): string {
  const marks = [language, os.length > 0 ? os.join(', ') : 'any system', organization?.name ?? 'for all', `v${version}`]
  return `${name} (${id}): ${marks.join('; ')}${archivedAt ? '; archived' : ''}. ${description}`.trimEnd()
}

function wholeText(whole: NonNullable<Awaited<ReturnType<typeof oneScript>>['whole']>): string[] {
  const parameters = whole.parameters.map(
    ({ name, type, required, default: usual, description = '' }) =>
      `- ${name} (${type}${required ? ', required' : ''}${usual === undefined ? '' : `, default ${String(usual)}`}) ${description}`,
  )
  return [
    ...(parameters.length > 0 ? ['Parameters:', ...parameters] : ['No parameters.']),
    ...(whole.undo === null ? [] : [`In stages, it is rolled back by the script ${whole.undo}.`]),
    `${whole.versions.length} versions; the text is in content.`,
    ...whole.runs.map(({ run, started_at, state, counts }) => {
      const told = Object.entries(counts).map(([of, n]) => `${n} ${of.replace('_', ' ')}`)
      return `Run ${run} of ${started_at}: ${state}; ${told.join(', ')}`
    }),
  ]
}
