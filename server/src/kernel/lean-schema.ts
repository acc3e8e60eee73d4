/**
 * JSON Schema in fewer words that say the same: a list of tools is read by a model, which pays for each of them. What is left
 * out binds nobody: bounds that every integer of JSON has, names that are always texts, objects that an answer leaves open.
 */

type JsonSchema = Record<string, unknown>

const isSchema = (value: unknown): value is JsonSchema =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

/** Under these, keys are names that the tool gave, not words of JSON Schema. */
const NAMED = new Set(['properties', '$defs'])

/** `open`: whether objects may have further fields, as in answers, which grow. */
export function leanSchema(schema: JsonSchema, open: boolean): JsonSchema {
  const lean: JsonSchema = {}
  for (const [key, value] of Object.entries(schema)) {
    if (says(key, value, open)) lean[key] = NAMED.has(key) ? named(value, open) : leanValue(value, open)
  }
  return orNull(lean)
}

function says(key: string, value: unknown, open: boolean): boolean {
  if (key === 'minimum' || key === 'maximum') return Math.abs(Number(value)) !== Number.MAX_SAFE_INTEGER
  if (key === 'propertyNames') return JSON.stringify(value) !== '{"type":"string"}'
  if (key === 'properties') return JSON.stringify(value) !== '{}'
  // Without the word, whatever further fields there are may be.
  if (key === 'additionalProperties') return JSON.stringify(value) !== '{}' && !(open && value === false)
  return true
}

function leanValue(value: unknown, open: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => leanValue(item, open))
  return isSchema(value) ? leanSchema(value, open) : value
}

function named(value: unknown, open: boolean): unknown {
  if (!isSchema(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, leanValue(schema, open)]))
}

/** `{anyOf: [{type: T, …}, {type: null}]}` is `{type: [T, null], …}`, unless values are listed, among which null is not. */
function orNull(schema: JsonSchema): JsonSchema {
  const { anyOf, ...rest } = schema
  if (!Array.isArray(anyOf) || anyOf.length !== 2) return schema
  const [some, none]: unknown[] = anyOf
  if (!isSchema(some) || !isSchema(none) || none['type'] !== 'null' || Object.keys(none).length > 1) return schema
  if (typeof some['type'] !== 'string' || 'enum' in some || 'const' in some) return schema
  return { ...some, ...rest, type: [some['type'], 'null'] }
}
