import { z } from 'zod'
import { defineTool } from '../../../kernel/tool.ts'
import { requirePartnerLevel } from '../../organizations/service.ts'
import '../service.ts'

export default defineTool({
  name: 'rotate_signing_key',
  title: 'Rotate the command-signing key',
  description:
    'Replaces the key that signs commands to agents by the next one, which agents know already, and prepares another. Commands signed before stay valid. Use it on schedule, or when the key folder may have been read by others.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 3, permission: 'governance.write' },
  needsProof: true,
  input: z.object({}),
  output: z.object({
    current: z.string().describe('Id of the key that signs now.'),
    next: z.string().nullable(),
    former: z.array(z.string()).describe('Still published, the latest first.'),
  }),
  async targets({ caller }) {
    requirePartnerLevel(caller, 'governance.write', 'The signing key')
    return []
  },
  plan: async ({ services }) => ({
    summary:
      'Sign commands with the next key. Connected agents reconnect within some minutes to learn the one after it.',
    irreversible: ['The present key signs nothing any more.'],
    binding: { signing_key: services.signingKeys.currentId },
  }),
  run: async ({ services }) => services.signingKeys.currentId,
  async settle({ services }, expected) {
    await services.signingKeys.rotate(expected)
    return services.signingKeys.published.map((key) => key.id)
  },
  present: ([current = '', next = null, ...former]) => ({
    text: `Commands are signed with key ${current} from now on. The next one is ${next}.`,
    data: { current, next, former },
  }),
})
