/**
 * Policy `elicit`: the person at the client is asked through the protocol, where the client declares that it can. What the
 * client then says is its own word: it confirms as a token does, and stands for no second person.
 */
import {
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  inputRequired,
  inputResponse,
  type InputRequiredResult,
  type Server,
  type ServerContext,
} from '@modelcontextprotocol/server'
import type { Caller } from '../../kernel/caller.ts'
import { planText } from '../../kernel/blast-radius.ts'
import type { Hold, InvokeOptions, Outcome } from '../../kernel/kernel.ts'
import { CONFIRMATION_MINUTES } from '../../kernel/operations.ts'
import type { Started } from './tasks.ts'

/** A person may take longer; the call does not wait for them (TOOL-4). A late answer still counts. */
const LONGEST_WAIT_MS = 40_000
const KEY = 'go_ahead'

const requestedSchema = {
  type: 'object' as const,
  properties: { [KEY]: { type: 'boolean' as const, title: 'Go ahead' } },
  required: [KEY],
}

type Answered = NonNullable<InvokeOptions['answered']>

export interface Asking {
  server: Server
  context: ServerContext
  name: string
  input: Readonly<Record<string, unknown>>
  caller: Caller
  /** The caller as of now: the credential is looked up again, null when it opens nothing any more. */
  callerNow(): Promise<Caller | null>
  invoke(caller: Caller, input: unknown, options: Pick<InvokeOptions, 'canAsk' | 'answered'>): Promise<Outcome>
  /** What the client is told of an outcome. */
  answer(outcome: Outcome): CallToolResult | Started
  /** A person may have taken so long that nobody waits for this any more. */
  failed(error: unknown): void
  longestWaitMs?: number | undefined
}

export async function callAsking(asking: Asking): Promise<CallToolResult | InputRequiredResult | Started> {
  const { context, name, input, caller, server } = asking
  const isModern = context.mcpReq.envelope !== undefined
  const canAsk = asksForms(isModern ? envelopeCapabilities(context) : server.getClientCapabilities())
  const brought = isModern ? answerIn(context) : null
  const outcome = brought
    ? await asking.invoke(caller, { ...input, confirmation: brought.token }, { canAsk, answered: brought.answered })
    : await asking.invoke(caller, input, { canAsk })
  if (outcome.status !== 'held' || !outcome.ask || !canAsk || !outcome.hold.confirmation) return asking.answer(outcome)
  const { token } = outcome.hold.confirmation
  if (!isModern) return asking.answer((await askNow(asking, outcome.hold, token)) ?? outcome)
  const question = inputRequired.elicit({ message: messageOf(name, outcome.hold), requestedSchema })
  // The state needs no seal of its own: the token is random, and bound to principal, tool and input where it is stored.
  return inputRequired({ inputRequests: { [KEY]: question }, requestState: token })
}

/** Sessions and HTTP+SSE: the question goes down the call's stream. Null when nobody answered in time. */
async function askNow(asking: Asking, hold: Hold, token: string): Promise<Outcome | null> {
  const { server, context, name, longestWaitMs = LONGEST_WAIT_MS } = asking
  let isLate = false
  const options = { relatedRequestId: context.mcpReq.id, timeout: CONFIRMATION_MINUTES * 60_000 }
  const params = { message: messageOf(name, hold), requestedSchema }
  const answered = server.request({ method: 'elicitation/create', params }, options).then(async (result) => {
    const now = await asking.callerNow()
    if (!now) return null
    const input = { ...asking.input, confirmation: token }
    return asking.invoke(now, input, { canAsk: true, answered: meant(result.action, result.content) })
  })
  const quiet = answered.catch((error: unknown) => {
    // The client can't ask after all, or has gone; whoever waits is told how to confirm otherwise.
    if (isLate) asking.failed(error)
    return null
  })
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<null>((resolve) => {
    timer = setTimeout(() => {
      isLate = true
      resolve(null)
    }, longestWaitMs)
  })
  try {
    return await Promise.race([quiet, patience])
  } finally {
    clearTimeout(timer)
  }
}

/** What a retry of the same call brings (2026-07-28). Null for a call that was not asked about. */
function answerIn({ mcpReq }: ServerContext): { token: string; answered: Answered } | null {
  const token: unknown = mcpReq.requestState()
  const given = inputResponse(mcpReq.inputResponses, KEY)
  if (typeof token !== 'string' || given.kind !== 'elicit') return null
  return { token: token.slice(0, 100), answered: meant(given.action, given.content) }
}

const meant = (action: string, content: unknown): Answered =>
  action === 'accept' && typeof content === 'object' && content !== null && Reflect.get(content, KEY) === true
    ? 'accepted'
    : 'declined'

/** Each request of 2026-07-28 carries what its client can do. */
const envelopeCapabilities = ({ mcpReq }: ServerContext): unknown =>
  Reflect.get(mcpReq.envelope ?? {}, CLIENT_CAPABILITIES_META_KEY)

/** A form, that is: `{}` is what clients sent before there was another mode. */
function asksForms(capabilities: unknown): boolean {
  if (typeof capabilities !== 'object' || capabilities === null) return false
  const elicitation: unknown = Reflect.get(capabilities, 'elicitation')
  if (typeof elicitation !== 'object' || elicitation === null) return false
  return 'form' in elicitation || Object.keys(elicitation).length === 0
}

const messageOf = (name: string, hold: Hold): string => `Breeze asks before ${name} runs. ${planText(hold.plan)}`
