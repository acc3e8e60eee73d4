/** From a tool's input schema to command-line flags, and from flags to an input. */
import type { Json } from './client.ts'
import { usage } from './failure.ts'

export interface CallArguments {
  /** The value of `--input`, when given. */
  whole: string | undefined
  /** Flags of the tool by field name, as written; true for a flag without a value. */
  fields: Map<string, (string | true)[]>
  json: boolean
  yes: boolean
  dryRun: boolean
  help: boolean
}

/** Flags that belong to the CLI and never to a tool. */
const OWN = new Set(['json', 'yes', 'dry_run', 'help', 'input'])

/** Splits `--flag value`, `--flag=value`, `--flag` and `--no-flag`; the schema tells which take a value. */
export function splitArguments(args: readonly string[], properties: Json): CallArguments {
  const parsed: CallArguments = {
    whole: undefined,
    fields: new Map(),
    json: false,
    yes: false,
    dryRun: false,
    help: false,
  }
  const rest = [...args]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '-h') word = '--help'
    const [, flag, , attached] = /^--([a-z][\w-]*)(=([\s\S]*))?$/i.exec(word) ?? []
    if (flag === undefined)
      throw usage(`What is "${word}"?`, 'Give inputs as --name value, or all at once with --input JSON.')
    const name = flag.replaceAll('-', '_')
    if (OWN.has(name)) takeOwn(parsed, name, () => attached ?? rest.shift())
    else takeField(parsed, name, attached, rest, properties)
  }
  return parsed
}

function takeOwn(parsed: CallArguments, name: string, value: () => string | undefined): void {
  if (name === 'json') parsed.json = true
  if (name === 'yes') parsed.yes = true
  if (name === 'dry_run') parsed.dryRun = true
  if (name === 'help') parsed.help = true
  if (name !== 'input') return
  parsed.whole = value()
  if (parsed.whole === undefined) throw usage('--input needs JSON, @file, or - for standard input.')
}

function takeField(
  parsed: CallArguments,
  name: string,
  attached: string | undefined,
  rest: string[],
  properties: Json,
): void {
  const positive = name.startsWith('no_') && !(name in properties) ? name.slice(3) : name
  const field = properties[positive]
  if (field === undefined) {
    const known = Object.keys(properties).map(flagName)
    throw usage(`This tool has no input --${name.replaceAll('_', '-')}.`, `It has: ${known.join(' ') || 'none'}.`)
  }
  const values = parsed.fields.get(positive) ?? []
  parsed.fields.set(positive, values)
  if (positive !== name) values.push('false')
  else if (attached !== undefined) values.push(attached)
  else if (kindsOf(field).has('boolean'))
    values.push(rest[0] === 'true' || rest[0] === 'false' ? (rest.shift() ?? true) : true)
  else {
    const value = rest.shift()
    if (value === undefined) throw usage(`${flagName(name)} needs a value.`)
    values.push(value)
  }
}

export const flagName = (field: string): string => `--${field.replaceAll('_', '-')}`

type Kind = 'string' | 'number' | 'boolean' | 'array' | 'object' | 'null'

/** The JSON types a field accepts, through unions and constants. */
export function kindsOf(schema: unknown): Set<Kind> {
  const kinds = new Set<Kind>()
  if (typeof schema !== 'object' || schema === null) return kinds
  const { type, anyOf, oneOf, enum: values, const: constant } = schema as Json
  for (const item of [type].flat())
    if (typeof item === 'string') kinds.add(item === 'integer' ? 'number' : (item as Kind))
  for (const part of [anyOf, oneOf].flat()) for (const kind of kindsOf(part)) kinds.add(kind)
  const literals = [...(Array.isArray(values) ? values : []), ...(constant === undefined ? [] : [constant])]
  for (const literal of literals) kinds.add(literal === null ? 'null' : (typeof literal as Kind))
  return kinds
}

/** The input that these flags spell. Checking it is the server's part. */
export function inputFrom(fields: CallArguments['fields'], properties: Json): Record<string, unknown> {
  const input: Record<string, unknown> = {}
  for (const [name, values] of fields) input[name] = fieldValue(name, values, properties[name])
  return input
}

function fieldValue(name: string, values: readonly (string | true)[], schema: unknown): unknown {
  const kinds = kindsOf(schema)
  const texts = values.map(String)
  const [first = '', ...others] = texts
  if (kinds.has('array')) {
    const json = first.trimStart().startsWith('[') ? parseJson(name, first) : undefined
    const items = json === undefined ? texts.flatMap((text) => text.split(',').map((item) => item.trim())) : json
    const single = Array.isArray(items) && items.length === 1 && kinds.has('string')
    return single ? items[0] : Array.isArray(items) ? items.map((item) => itemValue(name, item, schema)) : items
  }
  if (others.length > 0) throw usage(`${flagName(name)} is given ${values.length} times.`, 'It takes one value.')
  return oneValue(name, first, kinds)
}

function itemValue(name: string, item: unknown, schema: unknown): unknown {
  if (typeof item !== 'string') return item
  const arrays = [schema, ...[(schema as Json)['anyOf']].flat()] as (Json | undefined)[]
  const items = arrays.map((part) => part?.['items']).find((part) => part !== undefined)
  return oneValue(name, item, kindsOf(items))
}

function oneValue(name: string, text: string, kinds: ReadonlySet<Kind>): unknown {
  if (kinds.has('boolean') && (text === 'true' || text === 'false')) return text === 'true'
  if (kinds.has('number') && text.trim() !== '' && Number.isFinite(Number(text))) return Number(text)
  if (kinds.has('null') && text === 'null') return null
  if (kinds.has('string')) return text
  if (kinds.has('object')) return parseJson(name, text)
  if (kinds.has('number')) throw usage(`${flagName(name)} must be a number, not "${text}".`)
  if (kinds.has('boolean')) throw usage(`${flagName(name)} is true or false, not "${text}".`)
  return text
}

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw usage(`${flagName(name)} is not valid JSON: ${error instanceof Error ? error.message : 'unreadable'}.`)
  }
}
