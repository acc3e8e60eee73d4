import { z } from 'zod'
import { reasonField, referenceField } from '../../../identity/fields.ts'
import { invalidInput, KernelError } from '../../../kernel/errors.ts'
import { fault } from '../../../kernel/faults.ts'
import { defineTool, type Target } from '../../../kernel/tool.ts'
import { decide, objection } from '../deciding.ts'
import { presentRequest, requestShape } from '../present.ts'
import { findRequest, type ApprovalRequest } from '../requests.ts'
import '../service.ts'

const DECISION = { approve: 'approved', deny: 'denied', report: 'reported' } as const

export default defineTool({
  name: 'decide_approval',
  title: 'Decide about a held call',
  description:
    'Approves a call that waits for a second person, so that it runs once as whoever asked for it; denies it with a reason; or reports it as suspicious, which also ends the credential that asked. The first decision counts.',
  area: 'operations',
  surfaces: ['console', 'cli'],
  actions: {
    field: 'decision',
    each: {
      approve: { tier: 2, permission: 'approvals.write' },
      deny: { tier: 2, permission: 'approvals.write' },
      report: { tier: 2, permission: 'approvals.write', destructive: true },
    },
  },
  needsProof: true,
  neverHeld: true,
  input: z.object({
    approval: referenceField.describe('Operation id of the request.'),
    decision: z.enum(['approve', 'deny', 'report']),
    reason: reasonField.optional().describe('For deny and report: what whoever asked will read.'),
  }),
  output: z.object({ approval: requestShape }),
  async targets({ tx, caller, now }, input) {
    const request = await findRequest(tx, input.approval, now())
    // Said before anything about the request's state: a key learns nothing from trying.
    const refused = await objection(tx, caller, request)
    if (refused) throw new KernelError(refused)
    if (input.decision !== 'approve' && input.reason === undefined)
      throw invalidInput('reason: say why, for whoever asked.')
    return requestTargets(request)
  },
  plan: async ({ tx, now }, input) => {
    const request = await findRequest(tx, input.approval, now())
    const verb = { approve: 'Approve', deny: 'Deny', report: 'Report as suspicious' }[input.decision]
    return {
      summary: `${verb}: ${request.summary}`,
      irreversible: input.decision === 'report' ? ['The credential that asked can not be brought back.'] : [],
    }
  },
  async run({ tx, caller, now }, input) {
    const operation = (await findRequest(tx, input.approval, now())).operation
    const said = { decision: DECISION[input.decision], reason: input.reason ?? null, now: now() }
    return decide(tx, caller, operation, said)
  },
  async settle({ services, caller, transaction, now, signal }, decided) {
    fault('approval.decided')
    const names = new Map([...caller.organizations.values()].map(({ id, name }) => [id, name]))
    if (decided.decision === 'reported') await services.approvals.endReported(decided.operation)
    if (decided.decision === 'approved' && !signal.aborted) await services.approvals.release(decided.operation)
    const request = await transaction((tx) => findRequest(tx, decided.operation, now()))
    return { request, names }
  },
  present: ({ request, names }) => ({ text: textOf(request), data: { approval: presentRequest(request, names) } }),
})

function requestTargets(request: ApprovalRequest): Target[] {
  const organizations = request.organizationIds.length > 0 ? request.organizationIds : [null]
  return organizations.map((organizationId) => ({
    kind: 'operation' as const,
    id: request.operation,
    name: `${request.tool}: ${request.summary}`,
    organizationId,
    siteId: null,
  }))
}

function textOf(request: ApprovalRequest): string {
  if (request.decision === 'denied') return `Denied. ${request.userName} is told: ${request.reason}`
  if (request.decision === 'reported')
    return `Reported. The ${request.credential.kind.replace('_', ' ')} "${request.credential.name}" opens nothing any more.`
  if (request.releaseCode !== null && request.releaseCode !== 'done')
    return `Approved, but it was refused when it came to run (${request.releaseCode}): ${request.releaseText}`
  return `Approved. It is ${request.operationState}; get_operation with ${request.operation} tells how it goes.`
}
