import { z } from 'zod'
import { defineTool } from '../../../kernel/tool.ts'
import { requirePartnerLevel } from '../../organizations/service.ts'
import '../service.ts'

const PERMISSION = 'compliance.write'

export default defineTool({
  name: 'import_lifecycle',
  title: 'Import ends of support',
  description:
    "Takes in until when releases of operating systems are supported, from a file of endoflife.date in the folder import of the server's data folder. It goes before what Breeze ships and replaces what was imported of the same products.",
  area: 'compliance',
  surfaces: ['console', 'cli', 'rest'],
  byArea: true,
  actions: { tier: 2, permission: PERMISSION, idempotent: true },
  input: z.object({ file: z.string().min(1).max(200).describe('Its name, without a folder.') }),
  output: z.object({ products: z.array(z.string()), releases: z.number().int() }),
  async targets({ caller }) {
    requirePartnerLevel(caller, PERMISSION, 'What is known of ends of support')
    return []
  },
  plan: async (_, { file }) => ({ summary: `Import ends of support from ${file}.`, irreversible: [] }),
  run: async () => null,
  settle: ({ services }, _, { file }) => services.lifecycle.import(file),
  present: ({ products, releases }) => ({
    text: `${releases.length} releases of ${products.join(', ')} imported.`,
    data: { products, releases: releases.length },
  }),
})
