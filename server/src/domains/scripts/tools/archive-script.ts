import { z } from 'zod'
import { referenceField } from '../../../identity/fields.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { setArchived } from '../library.ts'
import { ownScript, scriptTarget } from '../own.ts'

export default defineTool({
  name: 'archive_script',
  title: 'Archive a script',
  description:
    'Takes a script out of use, or back into it: an archived one can not be run and keeps its versions and runs. Nothing is deleted.',
  area: 'scripts',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  byArea: true,
  actions: { tier: 2, permission: 'scripts.write', idempotent: true },
  input: z.object({
    script: referenceField.describe('Id or name; of an archived one its id.'),
    archived: z.boolean().default(true).describe('false: restore it.'),
  }),
  output: z.object({ script: z.string(), name: z.string(), archived: z.boolean() }),
  targets: async ({ tx, caller }, { script }) => [scriptTarget(await ownScript(tx, caller, script))],
  plan: async (_, { archived }, [target]) => ({
    summary: archived
      ? `Archive the script "${target?.name}": it can not be run any more.`
      : `Restore the script "${target?.name}".`,
    irreversible: [],
  }),
  async run({ tx, caller, now }, { script: reference, archived }) {
    const script = await ownScript(tx, caller, reference)
    await setArchived(tx, script, caller.partnerId, archived, { at: now(), by: caller.user.id })
    return { script: script.id, name: script.name, archived }
  },
  present: (told) => ({ text: `${told.name}: ${told.archived ? 'archived' : 'in use again'}.`, data: told }),
})
