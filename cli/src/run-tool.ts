/** One call of one tool, with the dialog that a held call needs. */
import { createInterface } from 'node:readline/promises'
import type { Client, Held, Json } from './client.ts'
import { Failure } from './failure.ts'
import { note } from './print.ts'

export interface RunOptions {
  /** Confirms a held call without asking. */
  yes?: boolean | undefined
}

export async function runTool(client: Client, tool: string, input: Json, options: RunOptions = {}): Promise<Json> {
  const reply = await client.call(tool, input)
  if (reply.status === 'done') return reply.data
  const { held } = reply
  note(planText(held))
  const { confirmation } = held
  if (!confirmation) throw unconfirmed(held, 'Somebody else has to approve this call.')
  if (!options.yes && !(await agreed())) {
    throw unconfirmed(
      held,
      'Nothing was done.',
      `Repeat the command with --yes, or confirm the call with "${confirmation.token}" before ${confirmation.expires_at}.`,
    )
  }
  const second = await client.call(tool, { ...input, confirmation: confirmation.token })
  if (second.status === 'done') return second.data
  throw unconfirmed(second.held, 'The confirmed call was held again.')
}

function unconfirmed(held: Held, message: string, remedy?: string): Failure {
  const { plan: _, ...detail } = held
  return new Failure('refused', message, {
    ...(remedy !== undefined && { remedy }),
    detail: { code: held.state, ...detail, plan: held.plan },
  })
}

function planText({ plan }: Held): string {
  const { devices, servers, names } = plan.blast_radius
  const others = devices - names.length
  return [
    plan.summary,
    ...(devices > 0
      ? [
          `Devices: ${devices}${servers > 0 ? `, ${servers} of them servers` : ''}: ${names.join(', ')}${others > 0 ? ` and ${others} more` : ''}`,
        ]
      : []),
    ...plan.irreversible.map((sentence) => `Can't be undone: ${sentence}`),
    ...plan.warnings.map((sentence) => `Note: ${sentence}`),
  ].join('\n')
}

/** Only somebody at a terminal can be asked; anything else is a no. */
async function agreed(): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false
  const dialog = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await dialog.question('Go ahead? [y/N] ')).trim())
  } finally {
    dialog.close()
  }
}
