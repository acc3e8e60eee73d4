import { z } from 'zod'
import { nameField, referenceField } from '../../../identity/fields.ts'
import type { Caller } from '../../../kernel/caller.ts'
import { forbidden, invalidInput } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { levelTargets, requireLevel, settingLevel } from '../../organizations/setting-level.ts'
import { deleteFramework, insertFramework, updateFramework } from '../framework-rows.ts'
import type { Framework } from '../frameworks/framework.ts'
import { findFramework, requireCheck } from '../lookup.ts'
import { ownControl, type Policies } from '../policies.ts'

const PERMISSION = 'compliance.write'
const PARTNER = 'A framework for every organization'

const input = z.object({
  action: z.enum(['create', 'update', 'delete']),
  framework: referenceField.optional().describe('update, delete: id or name of an own framework.'),
  name: nameField.optional(),
  organization: referenceField.optional().describe('create: id or name; none: every organization.'),
  controls: z
    .array(ownControl)
    .min(1)
    .max(500)
    .optional()
    .describe('All of them; one without checks needs attestation. Ids of checks are in list_frameworks.'),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'manage_frameworks',
  title: 'Manage frameworks',
  description:
    'Creates, changes or deletes a compliance framework of your own: controls, each with the checks that speak for it. Frameworks that come with Breeze can not be changed.',
  area: 'compliance',
  surfaces: ['console', 'cli', 'rest'],
  actions: {
    field: 'action',
    each: {
      create: { tier: 2, permission: PERMISSION },
      update: { tier: 2, permission: PERMISSION, idempotent: true },
      delete: { tier: 2, permission: PERMISSION, destructive: true },
    },
  },
  input,
  output: z.object({
    id: z.string(),
    name: z.string(),
    version: z.number().int(),
    organization: z.string().nullable(),
    controls: z.number().int(),
    state: z.string(),
  }),
  async targets({ tx, caller, services }, asked) {
    checkControls(asked)
    if (asked.action === 'create') {
      if (asked.name === undefined || asked.controls === undefined)
        throw invalidInput('A framework has a name and controls.', 'Give name and controls.')
      return levelTargets(caller, await settingLevel(tx, caller, PERMISSION, asked.organization, PARTNER))
    }
    const { owner } = own(services.compliance.policies, caller, asked)
    requireLevel(caller, PERMISSION, owner.organizationId, PARTNER)
    return levelTargets(caller, owner.organizationId)
  },
  plan: async (_, asked, targets) => ({
    summary: `${ACTS[asked.action]} the framework ${asked.name ?? asked.framework} of ${targets[0]?.name ?? 'every organization'}.`,
    irreversible: asked.action === 'delete' ? ['Its controls and their history are no longer shown.'] : [],
  }),
  async run({ tx, caller, now, newId, services }, asked, targets) {
    const { policies } = services.compliance
    const stamp = { user: caller.user.id, at: now() }
    if (asked.action === 'create') {
      const place = { partnerId: caller.partnerId, organizationId: targets[0]?.id ?? null }
      const made = { id: newId(), name: asked.name ?? '', controls: asked.controls ?? [], ...place }
      await insertFramework(tx, made, stamp)
      return { ...made, version: 1, controls: made.controls.length, state: 'created' }
    }
    const { id, name, owner, version, controls } = own(policies, caller, asked)
    const place = { id, organizationId: owner.organizationId }
    if (asked.action === 'delete') {
      await deleteFramework(tx, id)
      return { ...place, name, version: Number(version), controls: controls.length, state: 'deleted' }
    }
    const updated = await updateFramework(tx, id, { name: asked.name, controls: asked.controls }, stamp)
    return { ...place, ...updated, state: 'updated' }
  },
  async settle({ services }, ran) {
    await services.compliance.policies.refresh()
    return ran
  },
  present: ({ id, name, version, organizationId, controls, state }) => ({
    text: `${name}: ${state}, version ${version}, ${controls} controls.`,
    data: { id, name, version, organization: organizationId, controls, state },
  }),
})

const ACTS = { create: 'Create', update: 'Change', delete: 'Delete' } as const

function own(policies: Policies, caller: Caller, { framework: wanted }: Input) {
  if (wanted === undefined) throw invalidInput('Say which framework.', 'Give framework.')
  const { owner, ...framework }: Framework = findFramework(policies, caller, wanted)
  if (owner === null)
    throw forbidden('A framework that comes with Breeze can not be changed.', 'Create one of your own.')
  return { ...framework, owner }
}

function checkControls({ controls = [] }: Input): void {
  const ids = new Set<string>()
  for (const { id, checks } of controls) {
    if (ids.has(id.toLowerCase())) throw invalidInput(`controls: "${id}" is there twice.`)
    ids.add(id.toLowerCase())
    for (const check of checks) requireCheck(check)
  }
}
