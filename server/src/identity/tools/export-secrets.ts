import { z } from 'zod'
import { defineTool } from '../../kernel/tool.ts'

/** Never run: it is declared so that the refusal is real on every surface. */
export default defineTool({
  name: 'export_secrets',
  title: 'Export secrets',
  description: "Exporting keys, tokens or the server's own secrets. Never run by anybody.",
  area: 'administration',
  surfaces: ['mcp', 'console', 'cli', 'rest'],
  actions: {
    tier: 4,
    permission: 'governance.write',
    humanPath:
      "Breeze keeps only hashes of what it hands out. The server's own keys lie in the keys folder of its data folder, for whoever runs the machine.",
  },
  input: z.object({ kind: z.string().max(100).optional() }),
  output: z.object({}),
  run: async () => {
    throw new Error('a tier-4 action was let through')
  },
  present: () => ({ text: '', data: {} }),
})
