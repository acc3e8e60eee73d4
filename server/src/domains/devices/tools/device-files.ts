import { MAX_FILE_BYTES, type CommandBody } from '@breeze/contract/agent-commands'
import { z } from 'zod'
import { invalidInput } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { asked, commandTargets, requireCapable, sendCommands, SHORT_WAIT_MINUTES } from '../../commands/acting.ts'
import { awaitCommands } from '../../commands/await.ts'
import { presentCommands } from '../../commands/answer.ts'
import { operationShape, withoutOutput } from '../../commands/present.ts'
import { fileFacts, fileShape } from '../file-facts.ts'

const KIB = 1024
const MAX_BASE64 = Math.ceil(MAX_FILE_BYTES / 3) * 4

const input = z.object({
  device: z.string().min(1).max(255).describe('Id or name.'),
  action: z.enum(['list', 'read', 'put', 'delete']),
  path: z.string().min(1).max(4096).describe('Absolute.'),
  encoding: z.enum(['text', 'base64']).default('text').describe('Of content. What is no text is read as base64.'),
  content: z
    .string()
    .max(MAX_BASE64)
    .optional()
    .describe(`Of put; at most ${MAX_FILE_BYTES / KIB} KiB as bytes.`),
  overwrite: z.boolean().default(false).describe('Of put.'),
  mode: z
    .string()
    .regex(/^[0-7]{3,4}$/)
    .optional()
    .describe('Of put, octal such as 0644.'),
  offset: z.number().int().min(0).default(0).describe('Of read.'),
  max_bytes: z
    .number()
    .int()
    .min(1)
    .max(MAX_FILE_BYTES)
    .default(24 * KIB)
    .describe('Of read.'),
  limit: z.number().int().min(1).max(1000).default(100).describe('Of list.'),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'device_files',
  title: 'Files of a device',
  description:
    'Lists a folder, or reads, puts or deletes one file on one device. A read answers with a part and where the next begins. Put replaces only with overwrite; put and delete reach an offline device only if it connects within 15 minutes.',
  area: 'devices',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: {
    field: 'action',
    each: {
      list: { tier: 3, permission: 'devices.execute', destructive: false, idempotent: true },
      read: { tier: 3, permission: 'devices.execute', destructive: false, idempotent: true },
      put: { tier: 3, permission: 'devices.execute', destructive: true },
      delete: { tier: 3, permission: 'devices.execute', destructive: true },
    },
  },
  outlivesCall: true,
  deviceText: true,
  input,
  output: operationShape.extend({ file: fileShape.optional() }),
  targets: (context, input) => commandTargets(context, { devices: input.device }, asked(bodyOf(input), waitFor(input))),
  async plan(_, input, targets) {
    requireCapable(targets)
    const what = input.action === 'put' ? `${contentOf(input).length} bytes to ` : ''
    return {
      summary: `${VERB[input.action]} ${what}${input.path} on ${targets[0]?.name ?? input.device}.`,
      irreversible: LOSS[input.action] ?? [],
    }
  },
  run: (context, input, targets) => sendCommands(context, targets, bodyOf(input), waitFor(input)),
  settle: (context, sent) => awaitCommands(context, sent),
  present(settled, input) {
    const { text, data } = presentCommands(`${VERB[input.action]} ${input.path}`, settled)
    const [result] = settled.results
    const file = result ? fileFacts(result, input.encoding) : null
    // Told once: the text is for those who get nothing else.
    return { text, data: file ? { ...data, devices: data.devices.map(withoutOutput), file } : data }
  },
})

const VERB = { list: 'List', read: 'Read', put: 'Put', delete: 'Delete' }
const LOSS: Partial<Record<Input['action'], string[]>> = {
  put: ['What the file held before is lost, where it is overwritten.'],
  delete: ['The file is gone: Breeze keeps no copy.'],
}

/** What only reads is of no use later. */
const waitFor = ({ action }: Input): number => (action === 'put' || action === 'delete' ? SHORT_WAIT_MINUTES : 0)

function bodyOf(input: Input): CommandBody {
  const { path } = input
  if (input.action === 'list') return { type: 'files.list', args: { path, limit: input.limit } }
  if (input.action === 'read')
    return { type: 'files.read', args: { path, offset: input.offset, maxBytes: input.max_bytes } }
  if (input.action === 'delete') return { type: 'files.delete', args: { path } }
  return {
    type: 'files.put',
    args: {
      path,
      content: contentOf(input).toString('base64'),
      overwrite: input.overwrite,
      ...(input.mode !== undefined && { mode: Number.parseInt(input.mode, 8) & 0o777 }),
    },
  }
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

function contentOf({ content, encoding }: Input): Buffer {
  if (content === undefined)
    throw invalidInput('content: is needed to put a file.', 'Give the content; "" makes it empty.')
  if (encoding === 'base64' && (!BASE64.test(content) || content.length % 4 !== 0))
    throw invalidInput('content: is not base64.')
  const bytes = Buffer.from(content, encoding === 'base64' ? 'base64' : 'utf8')
  if (bytes.length > MAX_FILE_BYTES) throw invalidInput(`content: is larger than ${MAX_FILE_BYTES / KIB} KiB.`)
  return bytes
}
