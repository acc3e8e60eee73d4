import { SCRIPT_LANGUAGES } from '@breeze/contract/agent-commands'
import { z } from 'zod'
import { asList, nameField, referenceField } from '../../../identity/fields.ts'
import type { Caller } from '../../../kernel/caller.ts'
import type { Tx } from '../../../kernel/db.ts'
import { conflict, invalidInput } from '../../../kernel/errors.ts'
import { defineTool, type Target } from '../../../kernel/tool.ts'
import { findOrganization, organizationTarget } from '../../organizations/service.ts'
import {
  changeScript,
  findScript,
  insertScript,
  readVersion,
  type ScriptVersion,
  SYSTEMS,
  type VersionContent,
  versionDigest,
} from '../library.ts'
import { FOR_ALL, ownScript, requireForAll, scriptTarget } from '../own.ts'
import { parameterList } from '../parameters.ts'

const input = z.object({
  script: referenceField.optional().describe('Id or name of the one to change; none: a new one.'),
  name: nameField.max(120).optional(),
  organization: referenceField.optional().describe('A new one: id or name; none: for every organization.'),
  description: z.string().max(1000).optional(),
  language: z.enum(SCRIPT_LANGUAGES).optional(),
  content: z.string().min(1).max(200_000).optional().describe('Parameters are variables: PARAM_ and the name.'),
  os: z
    .union([z.enum(SYSTEMS), z.array(z.enum(SYSTEMS)).max(3)])
    .optional()
    .describe('An empty list: any.'),
  parameters: parameterList.optional(),
  run_as: z.string().max(64).optional().describe("A user of the device; empty: the agent's own."),
  timeout_seconds: z.number().int().min(1).max(3600).optional(),
  undo: z
    .string()
    .max(255)
    .optional()
    .describe('The script that takes back what this one does, for roll-backs: id or name; empty: none.'),
  note: z.string().max(500).default('').describe('What is new in this version.'),
  based_on: z.number().int().min(1).optional().describe('The version that was edited: refused where there is a newer.'),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'save_script',
  title: 'Save a script',
  description:
    'Puts a script into the library, or saves the next version of one: what is not given stays. Versions never change; runs that wait for confirmation of an older one are refused. Runs nothing.',
  area: 'scripts',
  surfaces: ['mcp', 'rest', 'console', 'cli'],
  byArea: true,
  // What is kept here, others run by its name, with the rights of an agent: who may not run it must not plant it.
  actions: { tier: 3, permission: 'scripts.write', idempotent: false },
  input,
  output: z.object({
    script: z.string(),
    name: z.string(),
    version: z.number().int(),
    digest: z.string(),
    organization: z.string().nullable(),
  }),
  async targets({ tx, caller }, asked) {
    if (asked.script !== undefined) {
      if (asked.organization !== undefined) throw invalidInput('organization: a script stays where it is.')
      return [scriptTarget(await ownScript(tx, caller, asked.script))]
    }
    if (asked.name === undefined || asked.language === undefined || asked.content === undefined)
      throw invalidInput('A new script has name, language and content.')
    return levelTarget(tx, caller, asked.organization)
  },
  async plan({ tx, caller }, asked, [target]) {
    const content = await contentOf(tx, caller, asked, target)
    const where = target?.kind === 'organization' ? target.name : FOR_ALL
    return {
      summary:
        asked.script === undefined
          ? `Keep the ${content.next.language} script "${asked.name}" of ${content.next.content.length} characters for ${where}.`
          : `Save the next version of the script "${target?.name}".`,
      irreversible: [],
      binding: { content: versionDigest(content.next), before: content.before?.digest ?? '' },
    }
  },
  async run({ tx, caller, now, newId }, asked, [target]) {
    const stamp = { at: now(), by: caller.user.id, note: asked.note }
    const { before, next } = await contentOf(tx, caller, asked, target)
    const digest = versionDigest(next)
    if (asked.script === undefined) {
      const organizationId = target?.organizationId ?? null
      const { name = '', description = '' } = asked
      const made = { id: newId(), partnerId: caller.partnerId, organizationId, name, description }
      await insertScript(tx, made, next, stamp)
      return { script: made.id, name, version: 1, digest, organization: organizationId }
    }
    const script = await ownScript(tx, caller, asked.script)
    if (script.archivedAt !== null) throw conflict('The script is archived.', 'Restore it with archive_script first.')
    const version = await changeScript(
      tx,
      script,
      {
        name: asked.name ?? script.name,
        description: asked.description ?? script.description,
        content: before?.digest === digest ? null : next,
        basedOn: asked.based_on ?? script.version,
      },
      stamp,
    )
    return { script: script.id, name: asked.name ?? script.name, version, digest, organization: script.organizationId }
  },
  present: (saved) => ({ text: `${saved.name}: version ${saved.version} saved (${saved.script}).`, data: saved }),
})

const NEW: VersionContent = {
  language: 'bash',
  content: '',
  os: [],
  parameters: [],
  runAs: null,
  timeoutSeconds: 300,
  undo: null,
}

async function contentOf(
  tx: Tx,
  caller: Caller,
  asked: Input,
  target: Target | undefined,
): Promise<{ before: ScriptVersion | null; next: VersionContent }> {
  const before = asked.script === undefined ? null : await readVersion(tx, await ownScript(tx, caller, asked.script))
  const { language, content, parameters, run_as: runAs, timeout_seconds: timeoutSeconds } = asked
  const os = asList(asked.os)
  const undo =
    asked.undo === undefined
      ? undefined
      : await undoFor(tx, asked.undo, asked.script === undefined ? null : (target?.id ?? null), target)
  const next = {
    ...NEW,
    ...before,
    ...(language !== undefined && { language }),
    ...(content !== undefined && { content }),
    ...(os !== undefined && { os: [...new Set(os)] }),
    ...(parameters !== undefined && { parameters }),
    ...(runAs !== undefined && { runAs: runAs === '' ? null : runAs }),
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    ...(undo !== undefined && { undo }),
  }
  return { before, next }
}

/** One that everybody who runs this script can run as well. */
async function undoFor(
  tx: Tx,
  reference: string,
  self: string | null,
  target: Target | undefined,
): Promise<string | null> {
  if (reference === '') return null
  const { id, name, organizationId, archivedAt } = await findScript(tx, reference)
  if (id === self) throw invalidInput('undo: a script does not take itself back.')
  if (archivedAt !== null) throw conflict(`The script "${name}" is archived.`, 'Restore it with archive_script first.')
  if (organizationId !== null && organizationId !== (target?.organizationId ?? null))
    throw invalidInput(`undo: "${name}" is not for all devices that this script is for.`)
  return id
}

async function levelTarget(tx: Tx, caller: Caller, organization: string | undefined): Promise<Target[]> {
  if (organization !== undefined)
    return [organizationTarget(await findOrganization(tx, caller, 'scripts.write', organization))]
  requireForAll(caller)
  return []
}
