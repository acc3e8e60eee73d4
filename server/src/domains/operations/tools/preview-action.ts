import { z } from 'zod'
import { planText } from '../../../kernel/blast-radius.ts'
import { CONFIRMATION_MINUTES } from '../../../kernel/operations.ts'
import { confirmationShape, defineTool, planShape } from '../../../kernel/tool.ts'

export default defineTool({
  name: 'preview_action',
  title: 'Preview an action',
  description:
    'Shows what a call that changes something would do: which devices it touches, what can not be undone, what would wait. Answers with a plan and a single-use token that confirms exactly that call.',
  area: 'operations',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  actions: { tier: 1, permission: 'operations.read', idempotent: false },
  input: z.object({
    tool: z.string().max(64).describe('Name of the tool to preview.'),
    input: z.record(z.string(), z.unknown()).describe('The input that the call would have.'),
  }),
  output: z.object({
    tool: z.string(),
    tier: z.number().int(),
    operation: z.string(),
    plan: planShape,
    confirmation: confirmationShape,
  }),
  standsFor: ({ tool, input }) => ({ tool, input }),
  run: (context, { tool, input }) => context.preview(tool, input),
  present: (preview) => ({
    text:
      `${planText(preview.plan)}\nNothing was done. To do it, call ${preview.tool} with the same input and ` +
      `confirmation "${preview.confirmation.token}" within ${CONFIRMATION_MINUTES} minutes; it works once.`,
    data: preview,
  }),
})
