import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { leanSchema } from './lean-schema.ts'

const lean = (schema: z.ZodType, open = true) => {
  const { $schema: _schema, ...json } = z.toJSONSchema(schema, { io: 'output' }) as Record<string, unknown>
  return leanSchema(json, open)
}

describe('a lean schema', () => {
  it('leaves out bounds that every integer has, and keeps the others', () => {
    expect(lean(z.object({ any: z.number().int(), few: z.number().int().min(0).max(9) }))).toEqual({
      type: 'object',
      properties: { any: { type: 'integer' }, few: { type: 'integer', minimum: 0, maximum: 9 } },
      required: ['any', 'few'],
    })
  })

  it('says "or null" in one word where that is the same', () => {
    const schema = z.object({
      n: z.number().int().nullable(),
      at: z.object({ id: z.string() }).nullable(),
      state: z.enum(['on', 'off']).nullable(),
    })
    expect(lean(schema)).toMatchObject({
      properties: {
        n: { type: ['integer', 'null'] },
        at: { type: ['object', 'null'], properties: { id: { type: 'string' } } },
        state: { anyOf: [{ enum: ['on', 'off'] }, { type: 'null' }] },
      },
    })
  })

  it('keeps inputs closed, and records as what they are', () => {
    const schema = z.strictObject({ counts: z.record(z.string(), z.number()) })
    const counts = { type: 'object', additionalProperties: { type: 'number' } }
    expect(lean(schema, false)).toMatchObject({ additionalProperties: false, properties: { counts } })
    expect(lean(schema, true)).toEqual({ type: 'object', properties: { counts }, required: ['counts'] })
  })

  it('takes a field that is called like a word of JSON Schema for a field', () => {
    const schema = z.object({
      minimum: z.string(),
      propertyNames: z.string(),
      properties: z.object({ anyOf: z.number() }),
    })
    expect(Object.keys(lean(schema)['properties'] as object)).toEqual(['minimum', 'propertyNames', 'properties'])
  })
})
