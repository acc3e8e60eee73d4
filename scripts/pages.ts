/** The generated pages, as text. */
import { AREAS, isCoreArea, type Area } from '../contract/src/governance.ts'
import { catalogue } from '../server/src/catalogue.ts'
import { VARIABLES } from '../server/src/config.ts'
import { Registry } from '../server/src/kernel/registry.ts'
import { actionSpecs, type Tool } from '../server/src/kernel/tool.ts'

const registry = new Registry(catalogue)

export function facesOf(): Map<string, string> {
  const faces = catalogue.map((tool): [string, string] => {
    const offered = actionSpecs(tool.actions).some((action) => action.tier < 4)
    const face = offered ? registry.face(tool.name) : { name: tool.name, never: true }
    const actions = actionSpecs(tool.actions)
    const body = { area: tool.area, surfaces: [...tool.surfaces], actions, ...face }
    return [tool.name, `${JSON.stringify(body, null, 2)}\n`]
  })
  return new Map(faces)
}

export function toolsPage(): string {
  const lines = [
    '# Tools',
    '',
    'Generated from the tool definitions by `npm run docs`; do not edit.',
    '',
    'Every tool can be called over MCP, REST (`POST /api/v1/tools/<name>`) and the CLI (`npx breeze call <name>`) as far as its surfaces say.',
    'Tier 1 reads, tier 2 writes at low risk and runs at once, tier 3 has high impact and may ask for a confirmation first, tier 4 never runs.',
    'A tool that acts also takes `confirmation` (the token of a preview) and `dry_run` (answer with the plan, run nothing).',
    '',
  ]
  for (const area of AREAS) {
    const tools = catalogue.filter((tool) => tool.area === area)
    if (tools.length === 0) continue
    lines.push(`## ${area}`, '', areaText(area), '')
    for (const tool of tools) lines.push(...toolLines(tool))
  }
  return lines.join('\n')
}

function areaText(area: Area): string {
  return isCoreArea(area)
    ? `Opened by \`ai:read\`, \`ai:write\`, \`ai:execute\`, or by \`${area}.read\`, \`${area}.write\`, \`${area}.execute\` alone.`
    : `Opened only by \`${area}.read\`, \`${area}.write\` and \`${area}.execute\`.`
}

function toolLines(tool: Tool): string[] {
  const actions = actionSpecs(tool.actions).map((action) => {
    const name =
      action.name === null ? '' : `${'field' in tool.actions ? tool.actions.field : 'action'} \`${action.name}\`: `
    const never = action.tier === 4 ? ` (never${action.humanPath ? `: ${action.humanPath}` : ''})` : ''
    return `- ${name}tier ${action.tier}${never}, permission \`${action.permission}\``
  })
  const fields = Object.entries(tool.inputSchema.shape)
    .filter(([name]) => name !== 'confirmation' && name !== 'dry_run')
    .map(([name, field]) => {
      const { description } = field as { description?: string }
      const optional = (field as { safeParse(value: unknown): { success: boolean } }).safeParse(undefined).success
      return `- \`${name}\`${optional ? '' : ' (required)'}${description ? `: ${description}` : ''}`
    })
  return [
    `### ${tool.name}`,
    '',
    `${tool.description}`,
    '',
    `Surfaces: ${[...tool.surfaces].join(', ')}.`,
    '',
    ...actions,
    '',
    ...(fields.length > 0 ? ['Input:', '', ...fields, ''] : []),
  ]
}

export function configurationPage(): string {
  const rows = Object.entries(VARIABLES).map(
    ([name, variable]) => `| \`${name}\` | ${variable.default} | ${variable.meaning} |`,
  )
  return [
    '# Configuration',
    '',
    'Generated from the configuration schema by `npm run docs`; do not edit.',
    '',
    'All settings are environment variables, read once at start. A wrong value stops the start with one line that names the variable.',
    '',
    '| variable | default | meaning |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}
