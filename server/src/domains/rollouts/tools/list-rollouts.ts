import { z } from 'zod'
import { referenceField } from '../../../identity/fields.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { findOrganization } from '../../organizations/service.ts'
import { listRollouts } from '../reads.ts'

export default defineTool({
  name: 'list_rollouts',
  title: 'List rollouts',
  description:
    'Lists rollouts (what goes on in stages), the latest first: what each does, its state and stage. get_operation tells of one device by device. Reads only.',
  area: 'operations',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  byArea: true,
  actions: { tier: 1, permission: 'operations.read' },
  input: z.object({
    open: z.boolean().default(true).describe('Only those that have not ended.'),
    organization: referenceField.optional().describe('Id or name.'),
    limit: z.number().int().min(1).max(200).default(25),
  }),
  output: z.object({
    rollouts: z.array(
      z.object({
        operation: z.string(),
        kind: z.string(),
        state: z.string(),
        reason: z.string().nullable(),
        summary: z.string(),
        stage: z.string().nullable(),
        stages: z.number().int(),
        started_by: z.string(),
        client: z.string().nullable(),
        devices: z.number().int(),
        succeeded: z.number().int(),
        failed: z.number().int(),
        created_at: z.string(),
      }),
    ),
    total: z.number().int(),
  }),
  async run({ tx, caller }, { open, limit, organization }) {
    const organizationId =
      organization === undefined ? undefined : (await findOrganization(tx, caller, 'operations.read', organization)).id
    return listRollouts(tx, { open, limit, organizationId })
  },
  present: ({ rollouts, total }) => ({
    text: [
      `${total} rollouts.`,
      ...rollouts.map(
        ({ operationId, state, summary, stage }) =>
          `${operationId}: ${state}${stage === null ? '' : `, ${stage}`}. ${summary}`,
      ),
    ].join('\n'),
    data: {
      rollouts: rollouts.map((rollout) => ({
        operation: rollout.operationId,
        kind: rollout.kind,
        state: rollout.state,
        reason: rollout.reason,
        summary: rollout.summary,
        stage: rollout.stage,
        stages: rollout.stages,
        started_by: rollout.startedBy,
        client: rollout.client,
        devices: rollout.devices,
        succeeded: rollout.succeeded,
        failed: rollout.failed,
        created_at: rollout.createdAt.toISOString(),
      })),
      total,
    },
  }),
})
