import { z } from 'zod'
import { defineTool } from '../../../kernel/tool.ts'
import { requirePartnerLevel } from '../../organizations/service.ts'
import '../service.ts'

const PERMISSION = 'compliance.write'

export default defineTool({
  name: 'import_vulnerabilities',
  title: 'Import known vulnerabilities',
  description:
    "Takes in an export of known vulnerabilities from the folder import of the server's data folder: of the Debian security tracker, or of OSV for Debian or Ubuntu. It replaces the former one of the distribution; devices are assessed by it. Large ones take minutes.",
  area: 'compliance',
  surfaces: ['console', 'cli', 'rest'],
  byArea: true,
  actions: { tier: 2, permission: PERMISSION, idempotent: true },
  input: z.object({ file: z.string().min(1).max(200).describe('Its name, without a folder.') }),
  output: z.object({
    state: z.enum(['imported', 'running']),
    imports: z.array(z.object({ ecosystem: z.string(), releases: z.array(z.string()), advisories: z.number().int() })),
  }),
  async targets({ caller }) {
    requirePartnerLevel(caller, PERMISSION, 'What is known of vulnerabilities')
    return []
  },
  plan: async (_, { file }) => ({
    summary: `Import known vulnerabilities from ${file}, in place of those of the same distribution.`,
    irreversible: [],
  }),
  run: async ({ caller }) => caller.user.id,
  async settle({ services, signal }, by, { file }) {
    const { promise: gone, resolve } = Promise.withResolvers<null>()
    signal.addEventListener('abort', () => resolve(null), { once: true })
    return Promise.race([services.vulnerabilities.import(file, by), gone])
  },
  present: (imported) => ({
    text: imported
      ? `${imported.map(({ ecosystem, releases, advisories }) => `${advisories} entries for ${ecosystem} ${releases.join(', ')}`).join('; ')}. Devices are assessed by them now.`
      : 'The import goes on; list_vulnerability_imports tells when it is done.',
    data: {
      state: imported ? ('imported' as const) : ('running' as const),
      imports: (imported ?? []).map(({ ecosystem, releases, advisories }) => ({ ecosystem, releases, advisories })),
    },
  }),
})
