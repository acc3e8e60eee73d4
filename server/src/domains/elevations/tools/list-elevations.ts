import { z } from 'zod'
import { referenceField } from '../../../identity/fields.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { findOrganization, organizationsWith } from '../../organizations/service.ts'
import { elevationShape, elevationText, presentElevation } from '../present.ts'
import { listElevations } from '../service.ts'

export default defineTool({
  name: 'list_elevations',
  title: 'List elevations',
  description:
    'Lists what keys and connected clients were granted for a while beside their own scopes, latest first: who, where, why, until when, and how it ended. Reads only.',
  area: 'operations',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'operations.read' },
  byArea: true,
  input: z.object({
    organization: referenceField.optional().describe('Id or name.'),
    credential: referenceField.optional().describe('Id of a key or a grant.'),
    all: z.boolean().default(false).describe('Ended ones too.'),
    limit: z.number().int().min(1).max(200).default(50),
  }),
  output: z.object({ elevations: z.array(elevationShape) }),
  async run({ tx, caller, now }, input) {
    const { organization, credential: credentialId } = input
    const organizationIds =
      organization === undefined
        ? organizationsWith(caller, 'operations.read')
        : [(await findOrganization(tx, caller, 'operations.read', organization)).id]
    const rows = await listElevations(tx, { organizationIds, credentialId, inForce: !input.all }, now(), input.limit)
    return rows.map((row) => presentElevation(row, caller.organizations, now()))
  },
  present: (elevations) => ({
    text: elevations.length === 0 ? 'No elevation.' : elevations.map(elevationText).join('\n'),
    data: { elevations },
  }),
})
