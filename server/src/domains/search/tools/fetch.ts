import { z } from 'zod'
import { deviceText } from '../../../kernel/content/device-text.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { documentId, pageOf, readDocumentId } from '../document-id.ts'
import { readDocument } from '../read.ts'

const LONGEST = 24_000

export default defineTool({
  name: 'fetch',
  title: 'Fetch',
  description:
    'Reads one thing that search found, whole and as text: a device with its facts and alerts, an alert with what was recorded and its history, an organization or site with its health, an operation with its results.',
  area: 'search',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'devices.read' },
  deviceText: true,
  input: z.object({ id: z.string().min(1).max(100).describe('From search, such as alert:<id>.') }),
  output: z.object({
    id: z.string(),
    title: z.string(),
    text: deviceText(LONGEST),
    url: z.string(),
    metadata: z.record(z.string(), z.string()),
  }),
  async run(context, input) {
    const { kind, id } = readDocumentId(input.id)
    const { name, ...document } = await readDocument(context, kind, id)
    return { id: documentId(kind, id), ...document, url: pageOf(context.services.server.publicUrl, kind, id, name) }
  },
  // Clients that research expect the very same in the text, as JSON.
  present: (document) => ({ text: JSON.stringify(document), data: document }),
})
