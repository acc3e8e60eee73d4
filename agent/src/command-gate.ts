import {
  cancelMessage,
  cancelPayload,
  type CommandPayload,
  commandMessage,
  commandPayload,
  type RejectionReason,
  type SignedCancel,
  type SignedCommand,
} from '@breeze/contract/agent-commands'
import type { ServerKey } from '@breeze/contract/agent-protocol'
import * as z from 'zod'
import { verifyText } from './device-key.ts'

export type GateDecision =
  | { decision: 'run'; payload: CommandPayload; expiresAt: number }
  /** Known by its id: whatever became of it is told again, and it is not run again. */
  | { decision: 'duplicate'; commandId: string }
  | { decision: 'rejected'; commandId: string; reason: RejectionReason }
  /** Not even an id to answer to, or an answer would overwrite what is recorded under that id. */
  | { decision: 'ignored'; reason: RejectionReason }

export interface GateContext {
  deviceId: string
  serverKeys: readonly ServerKey[]
  /** The server's time as estimated by `ServerClock`. */
  now: number
  isKnown(commandId: string): boolean
  /** See `Journal.forgottenUntil`: closes the gap left by forgetting ids, even if a clock is turned back. */
  forgottenUntil: number
}

const claimedId = z.object({ commandId: z.uuid() })

/**
 * Whether a command may run on this device. The signature comes first: until it is proven, nothing in the payload is
 * believed except the id, which is only used to say that it was refused.
 */
export function judgeCommand(command: SignedCommand, context: GateContext): GateDecision {
  const json = parseJson(command.payload)
  const claimed = claimedId.safeParse(json)
  const reject = (reason: RejectionReason): GateDecision => {
    if (!claimed.success || context.isKnown(claimed.data.commandId)) return { decision: 'ignored', reason }
    return { decision: 'rejected', commandId: claimed.data.commandId, reason }
  }
  if (!isSigned(command, commandMessage(command.payload), context.serverKeys)) return reject('bad_signature')
  const parsed = commandPayload.safeParse(json)
  if (!parsed.success) return reject('malformed')
  const payload = parsed.data
  if (payload.deviceId !== context.deviceId) return reject('wrong_device')
  if (context.isKnown(payload.commandId)) return { decision: 'duplicate', commandId: payload.commandId }
  const expiresAt = Date.parse(payload.expiresAt)
  if (expiresAt <= context.now || expiresAt <= context.forgottenUntil) return reject('expired')
  return { decision: 'run', payload, expiresAt }
}

export type CancelDecision =
  | { decision: 'cancel'; commandId: string }
  | { decision: 'ignored'; reason: RejectionReason }

/** Whether a cancel counts. It has no expiry: to end a command again changes nothing. */
export function judgeCancel(
  cancel: SignedCancel,
  { deviceId, serverKeys }: Pick<GateContext, 'deviceId' | 'serverKeys'>,
): CancelDecision {
  if (!isSigned(cancel, cancelMessage(cancel.payload), serverKeys))
    return { decision: 'ignored', reason: 'bad_signature' }
  const parsed = cancelPayload.safeParse(parseJson(cancel.payload))
  if (!parsed.success) return { decision: 'ignored', reason: 'malformed' }
  if (parsed.data.deviceId !== deviceId) return { decision: 'ignored', reason: 'wrong_device' }
  return { decision: 'cancel', commandId: parsed.data.cancels }
}

function isSigned(
  { keyId, signature }: Pick<SignedCommand, 'keyId' | 'signature'>,
  message: string,
  serverKeys: readonly ServerKey[],
): boolean {
  const key = serverKeys.find((candidate) => candidate.id === keyId)
  return key !== undefined && verifyText(key.publicKey, message, signature)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Whatever is not JSON fails the schema.
    return undefined
  }
}
