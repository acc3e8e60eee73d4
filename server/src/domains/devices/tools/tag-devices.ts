import { z } from 'zod'
import { invalidInput } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { selectDevices, selectionFields, withoutCaveats } from '../select.ts'
import { changeTags, MOST_TAGS, tagField } from '../tags.ts'

const tags = z.array(tagField).min(1).max(MOST_TAGS).optional()

export default defineTool({
  name: 'tag_devices',
  title: 'Tag devices',
  description: `Adds tags to devices or takes them away, by name or for all that match a filter; tells how many matched and how many changed. Tags are words of your own, in lower case, for finding devices and for rules; a device has at most ${MOST_TAGS}.`,
  area: 'devices',
  byArea: true,
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 2, permission: 'devices.write', idempotent: true },
  input: z.object({ ...selectionFields, add: tags, remove: tags }),
  output: z.object({
    matched: z.number().int(),
    changed: z.number().int(),
    devices: z.array(z.object({ id: z.string(), name: z.string() })).describe('Those that changed, at most 200.'),
  }),
  async targets({ tx, caller }, input) {
    if (!input.add && !input.remove) throw invalidInput('Give add, remove or both.')
    return withoutCaveats(await selectDevices(tx, caller, { devices: input.devices, filter: input.filter }))
  },
  plan: async (_, { add = [], remove = [] }, targets) => ({
    summary: `Tag ${targets.length} device${targets.length === 1 ? '' : 's'}: ${said(add, remove)}.`,
    irreversible: [],
  }),
  async run({ tx, events, services }, { add = [], remove = [] }, targets) {
    const changed = new Set(
      await changeTags(
        tx,
        targets.map((target) => target.id),
        { add, remove },
      ),
    )
    tx.afterCommit(() => {
      events.publish('devices')
      services.compliance.derived([...changed])
    })
    return { matched: targets.length, changed: targets.filter(({ id }) => changed.has(id)) }
  },
  present: ({ matched, changed }, { add = [], remove = [] }) => ({
    text: `${said(add, remove)}: ${matched} devices matched, ${changed.length} changed.`,
    data: {
      matched,
      changed: changed.length,
      devices: changed.slice(0, 200).map(({ id, name }) => ({ id, name })),
    },
  }),
})

const said = (add: readonly string[], remove: readonly string[]): string =>
  [add.length > 0 && `add ${add.join(', ')}`, remove.length > 0 && `remove ${remove.join(', ')}`]
    .filter(Boolean)
    .join('; ')
