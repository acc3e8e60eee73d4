/** `breeze call TOOL`: any tool of the catalogue, its flags derived from its schema. */
import { readFile } from 'node:fs/promises'
import { text as readStream } from 'node:stream/consumers'
import { Client, type Json, type ListedTool } from '../client.ts'
import { Failure, usage } from '../failure.ts'
import { flagName, inputFrom, kindsOf, splitArguments } from '../flags.ts'
import { describe, facts, say, sayJson, table } from '../print.ts'
import { runTool } from '../run-tool.ts'
import { findServer } from '../server.ts'

export const CALL_HELP = `Usage: breeze call TOOL [--input JSON | --flag value ...] [options]

Calls a tool. Its inputs are flags: arrays by repetition or commas, objects as JSON.

  TOOL --help      the inputs of one tool
  --input JSON     the whole input; @file reads a file, - reads standard input
  --dry-run        show what would happen and do nothing
  --yes            confirm a held call without asking
  --json           print the answer as JSON
  --help           this text, with the list of tools

Example:
  breeze call list_devices --status online --limit 10
  breeze call run_script --devices srv-1,srv-2 --language bash --content 'uptime' --yes
`

export async function call(args: readonly string[]): Promise<void> {
  const [tool, ...rest] = args
  if (tool === undefined || tool.startsWith('-')) return callWithoutTool(args)
  const client = new Client(await findServer())
  const listed = await client.tools()
  const found = listed.find((item) => item.name === tool || item.name === tool.replaceAll('-', '_'))
  if (!found) return callUnlisted(client, tool, rest, listed)
  const properties = propertiesOf(found)
  const parsed = splitArguments(rest, properties)
  if (parsed.help) return say(toolHelp(found, properties))
  if (parsed.whole !== undefined && parsed.fields.size > 0) throw usage('Give --input or flags, not both.')
  const input = parsed.whole === undefined ? inputFrom(parsed.fields, properties) : await wholeInput(parsed.whole)
  if (parsed.dryRun && !('dry_run' in properties))
    throw usage(`${found.name} only reads; it has no dry run.`, 'Leave --dry-run out.')
  const data = await runTool(
    client,
    found.name,
    { ...input, ...(parsed.dryRun && { dry_run: true }) },
    { yes: parsed.yes },
  )
  if (parsed.json) sayJson(data)
  else say(describe(data))
}

/** Not listed for this credential: the server's refusal says why better than we could. */
async function callUnlisted(
  client: Client,
  tool: string,
  args: readonly string[],
  listed: readonly ListedTool[],
): Promise<void> {
  // Without a schema, every flag is text.
  const names = args.flatMap((word) => /^--([a-z][\w-]*)/i.exec(word)?.[1]?.replaceAll('-', '_') ?? [])
  const properties = Object.fromEntries(names.map((name) => [name, { type: 'string' }]))
  const parsed = splitArguments(args, properties)
  const input = parsed.whole === undefined ? inputFrom(parsed.fields, properties) : await wholeInput(parsed.whole)
  try {
    const data = await runTool(client, tool, { ...input, ...(parsed.dryRun && { dry_run: true }) }, { yes: parsed.yes })
    if (parsed.json) sayJson(data)
    else say(describe(data))
  } catch (error) {
    const near = listed.filter((item) => item.name.includes(tool) || tool.includes(item.name)).map((item) => item.name)
    if (near.length > 0 && error instanceof Failure && error.detail?.['code'] === 'unknown_tool') {
      throw usage(error.message, `Did you mean ${near.join(', ')}?`)
    }
    throw error
  }
}

async function callWithoutTool(args: readonly string[]): Promise<void> {
  const help = args.length === 0 || args.some((word) => word === '--help' || word === '-h')
  if (!help) throw usage('Name the tool first: breeze call TOOL …', 'breeze call --help lists them.')
  say(CALL_HELP)
  if (args.length === 0) throw usage('Which tool?', 'breeze tools lists them.')
}

export async function tools(options: { json?: boolean }): Promise<void> {
  const listed = await new Client(await findServer()).tools()
  if (options.json)
    return sayJson({ tools: listed.map(({ name, title, description }) => ({ name, title, description })) })
  say(
    table(
      ['tool', 'what it does'],
      listed.map((item) => [item.name, item.title]),
    ),
  )
}

async function wholeInput(argument: string): Promise<Json> {
  const text =
    argument === '-'
      ? await readStream(process.stdin)
      : argument.startsWith('@')
        ? await fileText(argument.slice(1))
        : argument
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw usage(`The input is not valid JSON: ${error instanceof Error ? error.message : 'unreadable'}.`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw usage('The input must be one JSON object.')
  return value as Json
}

async function fileText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw usage(`The file ${path} can't be read: ${error instanceof Error ? error.message : 'unreadable'}.`)
  }
}

const propertiesOf = (tool: ListedTool): Json => (tool.inputSchema['properties'] as Json | undefined) ?? {}

function toolHelp(tool: ListedTool, properties: Json): string {
  const required = new Set([tool.inputSchema['required']].flat())
  const needed = Object.keys(properties).filter(
    (name) => required.has(name) && (properties[name] as Json)['default'] === undefined,
  )
  const flags = Object.entries(properties)
    .filter(([name]) => name !== 'dry_run')
    .map(([name, schema]): [string, string] => [flagName(name), fieldHelp(schema as Json, required.has(name))])
  return [
    `Usage: breeze call ${tool.name} [--input JSON | --flag value ...]`,
    '',
    tool.description,
    '',
    flags.length === 0 ? 'It takes no input.' : facts(flags),
    '',
    `Example:\n  breeze call ${[tool.name, ...needed.map((name) => `${flagName(name)} …`)].join(' ')} --json`,
  ].join('\n')
}

function fieldHelp(schema: Json, required: boolean): string {
  const values = choices(schema)
  const kind = values.length > 0 ? values.join(' | ') : [...kindsOf(schema)].join(' or ') || 'any'
  const description = typeof schema['description'] === 'string' ? ` ${schema['description']}` : ''
  const fallback = schema['default'] === undefined ? '' : ` (default ${JSON.stringify(schema['default'])})`
  return `${kind}${required && schema['default'] === undefined ? ', needed.' : '.'}${description}${fallback}`
}

function choices(schema: Json): unknown[] {
  if (Array.isArray(schema['enum'])) return schema['enum']
  return [schema['anyOf']]
    .flat()
    .flatMap((part) => (typeof part === 'object' && part !== null ? choices(part as Json) : []))
}
