import { z } from 'zod'
import { DURATION_HELP, durationField } from '../../../identity/duration.ts'
import { referenceField } from '../../../identity/fields.ts'
import type { Caller } from '../../../kernel/caller.ts'
import type { Tx } from '../../../kernel/db.ts'
import { defineTool } from '../../../kernel/tool.ts'
import { findOrganization, siteOrFirst, siteTarget } from '../../organizations/service.ts'
import type { Enrollment } from '../enrollment.ts'

declare module '../../../kernel/services.ts' {
  interface Services {
    enrollment: Pick<Enrollment, 'createToken'>
    server: { readonly publicUrl: string }
  }
}

const HOUR_MS = 3_600_000

const input = z.object({
  organization: referenceField.describe('Id or name.'),
  site: referenceField.optional().describe('Id or name; the first site, when left out.'),
  uses: z.number().int().min(1).max(10_000).default(1).describe('How many devices may enroll with it.'),
  expires_in: durationField('1m', '30d').default(HOUR_MS).describe(DURATION_HELP),
  simulated: z.boolean().default(false).describe('Its devices are marked as simulated.'),
  requires_approval: z.boolean().default(false).describe('Its devices get no commands until a person approves each.'),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'create_enrollment_token',
  title: 'Create an enrollment token',
  description:
    'Makes a token with which agents enroll devices into a site. Answered once. Use it when installing the agent on new machines.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: { tier: 2, permission: 'enrollment.write' },
  input,
  output: z.object({
    id: z.string(),
    token: z.string().optional(),
    install_command: z.string().describe('Run on each Linux machine.'),
    expires_at: z.string(),
    uses: z.number().int(),
    requires_approval: z.boolean(),
    organization: z.object({ id: z.string(), name: z.string() }),
    site: z.object({ id: z.string(), name: z.string() }),
  }),
  targets: async ({ tx, caller }, input) => [siteTarget(await placeOf(tx, caller, input))],
  plan: async (_, input, targets) => ({
    summary: `Let ${input.uses} ${input.simulated ? 'simulated ' : ''}device${input.uses === 1 ? '' : 's'} enroll into ${targets[0]?.name}${input.requires_approval ? ', each after approval' : ''}.`,
    irreversible: [],
  }),
  async run({ tx, caller, now, services }, input) {
    const site = await placeOf(tx, caller, input)
    const expiresAt = new Date(now().getTime() + input.expires_in)
    const { id, secret } = await services.enrollment.createToken(tx, {
      organizationId: site.organization.id,
      siteId: site.id,
      uses: input.uses,
      expiresAt,
      simulated: input.simulated,
      requiresApproval: input.requires_approval,
      createdBy: caller.user.id,
    })
    return {
      id,
      token: secret,
      install_command: installCommand(services.server.publicUrl, secret),
      expires_at: expiresAt.toISOString(),
      uses: input.uses,
      requires_approval: input.requires_approval,
      organization: site.organization,
      site: { id: site.id, name: site.name },
    }
  },
  present: (made) => ({
    text: `A token for ${made.uses} device${made.uses === 1 ? '' : 's'} of ${made.organization.name} / ${made.site.name}, until ${made.expires_at}: ${made.token}\nOn each Linux machine: ${made.install_command}`,
    data: made,
  }),
})

async function placeOf(tx: Tx, caller: Caller, input: Input) {
  const organization = await findOrganization(tx, caller, 'enrollment.write', input.organization)
  return siteOrFirst(tx, caller, 'enrollment.write', organization, input.site)
}

const installCommand = (publicUrl: string, token: string): string =>
  `curl -fsSL ${publicUrl.replace(/\/$/, '')}/agent/install.sh | sudo sh -s -- --token ${token}`
