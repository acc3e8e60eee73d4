/**
 * A tool's schemas as a list of tools shows them: a model reads each list whole and pays for each word of it. Every answer
 * fits what is shown of it; what is left out of an input is checked all the same when the call comes, and then named.
 */
import { UNTRUSTED_LABEL } from '../../kernel/content/device-text.ts'
import { controlFields } from '../../kernel/tool.ts'

type JsonSchema = Readonly<Record<string, unknown>>

const isSchema = (value: unknown): value is JsonSchema =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

/** The fields of a schema, each changed, where it has any. */
const fields = (of: JsonSchema, change: (schema: JsonSchema, name: string) => JsonSchema) =>
  isSchema(of['properties']) && {
    properties: Object.fromEntries(
      Object.entries(of['properties']).map(([name, schema]) => [
        name,
        isSchema(schema) ? change(schema, name) : schema,
      ]),
    ),
  }

// ------------------------------------------------------------------ inputs

/** Bounds that nobody has to know beforehand: the refusal of what goes beyond them says them. */
const QUIET_BOUNDS = new Set(['minLength', 'maxLength', 'minItems', 'maxItems', 'pattern', 'propertyNames'])

export function listedInput(schema: JsonSchema): Record<string, unknown> {
  const listed = Object.entries(oneWay(schema)).flatMap(([key, value]): [string, unknown][] => {
    if (QUIET_BOUNDS.has(key) || isPlain(key, value)) return []
    if ((key === 'items' || key === 'additionalProperties') && isSchema(value)) return [[key, listedInput(value)]]
    if (key !== 'anyOf' || !Array.isArray(value)) return [[key, value]]
    return [[key, value.map((item: unknown) => (isSchema(item) ? listedInput(item) : item))]]
  })
  return { ...Object.fromEntries(listed), ...fields(schema, listedField) }
}

/** Of every tool that acts; the instructions tell what they are for. */
const CONTROLS: ReadonlySet<string> = new Set(Object.keys(controlFields))

/** Where a description ends with a colon, the names of the fields are enough, of a filter those of the list that it names. */
function listedField(schema: JsonSchema, name: string): JsonSchema {
  const { properties, description, type, items } = schema
  if (CONTROLS.has(name)) return { type }
  const named = isSchema(items) ? items['properties'] : properties
  if (typeof description !== 'string' || !description.endsWith(':') || !isSchema(named)) return listedInput(schema)
  const told = `${description} ${Object.keys(named).join(', ')}.`
  return { type, description: told, ...(isSchema(items) && { items: { type: 'object' } }) }
}

/** What goes without saying. */
function isPlain(key: string, value: unknown): boolean {
  if (key === 'minimum') return value === 0 || value === 1
  return key === 'default' && (value === false || value === '' || (Array.isArray(value) && value.length === 0))
}

/** "One X, or a list of X" is shown as the list. */
function oneWay(schema: JsonSchema): JsonSchema {
  const { anyOf, ...rest } = schema
  if (!Array.isArray(anyOf) || anyOf.length !== 2) return schema
  const [one, many]: unknown[] = anyOf
  const isEither = isSchema(many) && many['type'] === 'array' && JSON.stringify(many['items']) === JSON.stringify(one)
  return isEither ? { ...many, ...rest } : schema
}

// ------------------------------------------------------------------ answers

/** What every tool that acts may answer with instead of acting, whatever its own fields: the instructions tell it once. */
const OF_EVERY_ACT = new Set(['plan', 'confirmation', 'audit_entry', 'untrusted'])

/**
 * The answer's fields with their types, and the names of those that its objects and rows always have: what a program that reads answers
 * looks for. Nothing is required and nothing excluded: the 1.x official clients check structured content against this even
 * when the result is an error, and throw where it doesn't fit. A refusal's code and reason would never reach the model.
 */
export function listedOutput(schema: JsonSchema): Record<string, unknown> {
  const { properties } = fields(schema, listedAnswer) || { properties: {} }
  return {
    type: 'object',
    properties: Object.fromEntries(Object.entries(properties).filter(([name]) => !OF_EVERY_ACT.has(name))),
  }
}

function listedAnswer(schema: JsonSchema): JsonSchema {
  const { type, description, items } = schema
  return {
    // Of a text nothing is said, nor of what may be null.
    ...(typeof type === 'string' && type !== 'string' && { type }),
    ...(description !== undefined && description !== UNTRUSTED_LABEL && { description }),
    ...alwaysThere(schema),
    ...(isSchema(items) && 'properties' in items && { items: { type: 'object', ...alwaysThere(items) } }),
  }
}

/** The names of an object's fields; one that is there only where it says something explains itself then. */
function alwaysThere({ properties, required }: JsonSchema): Record<string, unknown> {
  if (!isSchema(properties)) return {}
  const names = Array.isArray(required) ? required : Object.keys(properties)
  return { properties: Object.fromEntries(names.map((name) => [String(name), {}])) }
}
