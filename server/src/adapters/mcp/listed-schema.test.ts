import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { catalogue } from '../../catalogue.ts'
import { deviceText } from '../../kernel/content/device-text.ts'
import type { Door } from '../../kernel/door.ts'
import { Registry } from '../../kernel/registry.ts'
import { makeCaller } from '../../../test/callers.ts'
import { listedInput, listedOutput } from './listed-schema.ts'
import { ToolLists } from './listing.ts'

const json = (schema: z.ZodType, io: 'input' | 'output') => z.toJSONSchema(schema, { io }) as Record<string, unknown>
const input = (shape: z.ZodRawShape) => listedInput(json(z.strictObject(shape), 'input'))
const output = (shape: z.ZodRawShape) => listedOutput(json(z.object(shape), 'output'))

describe('an input in a list', () => {
  it('keeps what tells a value from another, and no bounds of texts and lists', () => {
    const shape = {
      state: z.enum(['on', 'off']).default('on'),
      name: z.string().min(1).max(10),
      at: z.iso.datetime().optional(),
      limit: z.number().int().min(1).max(200).default(25),
      force: z.boolean().default(false),
      dry_run: z.boolean().optional().describe('Only tell the plan.'),
    }
    expect(input(shape)).toMatchObject({
      properties: {
        state: { type: 'string', enum: ['on', 'off'], default: 'on' },
        name: { type: 'string' },
        at: { type: 'string', format: 'date-time' },
        limit: { type: 'integer', maximum: 200, default: 25 },
        force: { type: 'boolean' },
        dry_run: { type: 'boolean' },
      },
      required: ['name'],
      additionalProperties: false,
    })
    expect(JSON.stringify(input(shape))).not.toMatch(/minLength|maxLength|pattern|minimum|"default":false/)
  })

  it('shows one or many as many, and by the names of its fields what a colon announces', () => {
    const ids = z.union([z.string(), z.array(z.string()).max(9)])
    const filter = z.object({ site: ids, text: z.string() }).partial().describe('As in list_devices:')
    const stages = z.array(z.strictObject({ name: z.string(), count: z.number() })).describe('Each with one of:')
    expect(input({ devices: ids.describe('Ids.'), filter, stages })['properties']).toEqual({
      devices: { type: 'array', items: { type: 'string' }, description: 'Ids.' },
      filter: { type: 'object', description: 'As in list_devices: site, text.' },
      stages: { type: 'array', items: { type: 'object' }, description: 'Each with one of: name, count.' },
    })
  })

  it('takes fields called like words of JSON Schema for fields', () => {
    const shape = { pattern: z.string(), items: z.array(z.object({ minLength: z.number() })), default: z.string() }
    expect(input(shape)['properties']).toMatchObject({
      pattern: { type: 'string' },
      items: { type: 'array', items: { properties: { minLength: { type: 'number' } } } },
      default: { type: 'string' },
    })
  })
})

describe('an answer in a list', () => {
  const place = z.object({ id: z.string(), name: z.string() })
  const shape = {
    rows: z.array(z.object({ id: z.string(), place, said: deviceText(10).nullable(), note: z.string().optional() })),
    place,
    said: deviceText(10),
    at: z.string().nullable().describe('UTC.'),
    total: z.number().int(),
    plan: z.looseObject({}).optional(),
    audit_entry: z.string().optional(),
  }

  it('names its fields and those that its rows always have, and requires none', () => {
    expect(output(shape)).toEqual({
      type: 'object',
      properties: {
        rows: { type: 'array', items: { type: 'object', properties: { id: {}, place: {}, said: {} } } },
        place: { type: 'object', properties: { id: {}, name: {} } },
        said: {},
        at: { description: 'UTC.' },
        total: { type: 'integer' },
      },
    })
  })

  it('lets pass whatever the tool may answer, a plan and a refusal, for the official client', () => {
    const validate = new AjvJsonSchemaValidator().getValidator(output(shape))
    const here = { id: 'i', name: 'n' }
    const answer = { rows: [{ id: 'i', place: here, said: null }], place: here, said: '', at: null, total: 1 }
    const plan = { state: 'dry_run', plan: { summary: '' }, audit_entry: 'e' }
    for (const data of [answer, plan, { code: 'not_found', reason: 'x', audit_entry: 'e' }])
      expect(validate(data)).toMatchObject({ valid: true })
    expect(validate({ ...answer, total: 'many' })).toMatchObject({ valid: false })
  })
})

it('the whole list stays within what an assistant should pay for it, and so does each tool', () => {
  const registry = new Registry(catalogue)
  const governance = { executeAllowList: 'all' as const, requireExecuteAdmin: false, actsPerToolAndMinute: 60 }
  const lists = new ToolLists({
    list: (caller, surface, filter) => registry.list(caller, surface, governance, filter),
  } as Door)
  const { tools } = lists.list(makeCaller(), {}, undefined)
  const tokens = (value: unknown) => Math.ceil(JSON.stringify(value).length / 4)
  const bare = tools.map((tool) => ({ ...tool, outputSchema: undefined }))
  expect({ bare: tokens(bare), whole: tokens(tools) }).toEqual({
    bare: expect.toSatisfy((size: number) => size < 8000),
    whole: expect.toSatisfy((size: number) => size < 11_000),
  })
  expect(tools.filter((tool) => tokens(tool) > 650).map((tool) => [tool.name, tokens(tool)])).toEqual([])
})
