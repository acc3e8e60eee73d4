import { z } from 'zod'
import { referenceField } from '../../../identity/fields.ts'
import { notFound } from '../../../kernel/errors.ts'
import { defineTool, type TransactionContext } from '../../../kernel/tool.ts'
import { findOrganization } from '../../organizations/service.ts'
import { cleanName } from '../device-name.ts'
import { withoutCaveats } from '../select.ts'
import { matchWarranties, writeWarranties } from '../warranty.ts'

const text = (max: number) => z.string().trim().min(1).max(max)

const input = z.object({
  organization: referenceField.optional().describe('Id or name: only its devices are meant.'),
  source: text(100).describe('Where the dates come from, such as Dell.'),
  rows: z
    .array(
      z
        .object({
          serial: text(200).optional(),
          device: text(255).optional().describe('Id or name, where no device has the serial.'),
          ends_on: z.iso.date(),
          source: text(100).optional(),
        })
        .refine((row) => row.serial !== undefined || row.device !== undefined, 'Give serial or device.'),
    )
    .min(1)
    .max(500),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'import_warranties',
  title: 'Import warranties',
  description:
    'Takes over until when devices are under warranty, by serial number or name, from a list. A date that was known before is replaced. Tells which rows fit no device, or several; get_device_details shows the date with its source.',
  area: 'devices',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 2, permission: 'devices.write', idempotent: true },
  input,
  output: z.object({
    imported: z.number().int(),
    unmatched: z.array(z.object({ row: z.number().int(), reason: z.string() })).describe('Rows from 1.'),
  }),
  async targets(context, input) {
    const { targets } = await match(context, input)
    if (targets.length === 0) throw notFound('device', 'of any row')
    return withoutCaveats(targets)
  },
  plan: async (_, { rows }, targets) => ({
    summary: `Take over the warranty dates of ${targets.length} devices from ${rows.length} rows.`,
    irreversible: [],
  }),
  async run(context, input, targets) {
    const { lines, unmatched } = await match(context, input)
    const meant = new Set(targets.map(({ id }) => id))
    const kept = new Map([...lines].filter(([id]) => meant.has(id)))
    await writeWarranties(context.tx, kept, { userId: context.caller.user.id, at: context.now() })
    return { imported: kept.size, unmatched: unmatched.map(({ line, reason }) => ({ row: line, reason })) }
  },
  present: ({ imported, unmatched }) => ({
    text:
      `The warranty of ${imported} device${imported === 1 ? '' : 's'} is known now.` +
      (unmatched.length === 0 ? '' : ` ${unmatched.length} rows fit no device, or several.`),
    data: { imported, unmatched },
  }),
})

async function match({ tx, caller }: Pick<TransactionContext, 'tx' | 'caller'>, { organization, source, rows }: Input) {
  const place = organization === undefined ? null : await findOrganization(tx, caller, 'devices.write', organization)
  const lines = rows.map((row) => ({
    serial: row.serial,
    device: row.device,
    endsOn: row.ends_on,
    source: cleanName(row.source ?? source, 100) ?? 'a list',
  }))
  return matchWarranties(tx, lines, place?.id ?? null)
}
