/** The ways out: each turns a message into what its receiver understands. */
import { createHmac } from 'node:crypto'
import { z } from 'zod'
import { linesOf, type Message, payloadOf } from './message.ts'
import type { Outbound } from './outbound.ts'
import type { ChannelKind } from './tables.ts'

/** What is sealed in a channel's row. */
export const channelTarget = z.union([
  z.object({ url: z.string(), secret: z.string().optional() }),
  z.object({ recipients: z.array(z.string()) }),
])
export type ChannelTarget = z.infer<typeof channelTarget>

export interface MailService {
  on: boolean
  /** Throws where the mail server did not take it. */
  deliver(to: readonly string[], subject: string, text: string): Promise<void>
}

export interface WaysOut {
  outbound: Outbound
  mail: MailService
  now(): Date
}

/** Throws with a reason that people may read. */
export async function deliver(ways: WaysOut, kind: ChannelKind, target: ChannelTarget, message: Message) {
  if (kind === 'email') {
    if (!('recipients' in target)) throw new Error('a mail channel without recipients')
    return ways.mail.deliver(target.recipients, message.subject, textOf(message))
  }
  if (!('url' in target)) throw new Error(`a ${kind} channel without an address`)
  const body = JSON.stringify(BODIES[kind](message))
  const signed = target.secret === undefined ? {} : signature(target.secret, body, ways.now())
  return ways.outbound.post(target.url, body, { 'breeze-notification': message.notificationId, ...signed })
}

/** `t` in seconds, `v1` the hex HMAC-SHA256 of `<t>.<body>`: the receiver refuses what is old or does not match. */
export function signature(secret: string, body: string, at: Date): Record<string, string> {
  const time = Math.floor(at.getTime() / 1000)
  const code = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')
  return { 'breeze-signature': `t=${time},v1=${code}` }
}

const BODIES: { readonly [K in Exclude<ChannelKind, 'email'>]: (message: Message) => unknown } = {
  webhook: payloadOf,
  slack: (message) => ({
    text: slackText(message.subject),
    blocks: [
      { type: 'section', text: { type: 'mrkdwn', text: `*${slackText(message.subject)}*`.slice(0, 3000) } },
      { type: 'section', text: { type: 'mrkdwn', text: slackText(linesOf(message).join('\n')).slice(0, 3000) } },
      { type: 'section', text: { type: 'mrkdwn', text: `<${message.url}|Open in Breeze>` } },
    ],
  }),
  // What Teams' workflows take: an adaptive card in an attachment. Its text is markdown, of which names must not be part.
  teams: (message) => ({
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          body: [
            { type: 'TextBlock', weight: 'Bolder', wrap: true, text: plain(message.subject) },
            ...linesOf(message).map((line) => ({ type: 'TextBlock', wrap: true, text: plain(line) })),
          ],
          actions: [{ type: 'Action.OpenUrl', title: 'Open in Breeze', url: message.url }],
        },
      },
    ],
  }),
}

const slackText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** A name with marks in it makes neither a link nor a picture. */
const plain = (text: string): string => text.replaceAll(/[\\`*_{}[\]()#+!|<>~]/g, String.raw`\$&`)

export const textOf = (message: Message): string =>
  [message.subject, '', ...linesOf(message), '', `Open in Breeze: ${message.url}`].join('\n')
