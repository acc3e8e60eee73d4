import { z } from 'zod'
import { defineTool } from '../../../kernel/tool.ts'
import { documentId, pageOf } from '../document-id.ts'
import { findAll } from '../find.ts'

export default defineTool({
  name: 'search',
  title: 'Search',
  description:
    'Finds devices, alerts, organizations, sites and operations by words; whole names first. Answers with ids for fetch and links to the console.',
  area: 'search',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'devices.read' },
  input: z.object({ query: z.string().trim().min(1).max(200) }),
  output: z.object({ results: z.array(z.object({ id: z.string(), title: z.string(), url: z.string() })) }),
  async run({ tx, caller, now, services }, { query }) {
    const { publicUrl } = services.server
    const hits = await findAll(tx, caller, now(), query)
    return hits.map(({ kind, id, name, title }) => {
      return { id: documentId(kind, id), title, url: pageOf(publicUrl, kind, id, name) }
    })
  },
  // Clients that research expect the very same in the text, as JSON.
  present: (results) => ({ text: JSON.stringify({ results }), data: { results } }),
})
