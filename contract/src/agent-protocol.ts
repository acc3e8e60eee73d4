/**
 * The wire between an agent and the server, version 1. See docs/agent-protocol.md.
 *
 * JSON frames, the same over a WebSocket (`/agent/v1/ws`, one frame a message) and over HTTPS long-polling
 * (`/agent/v1/poll/…`). Enrollment is one HTTPS request (`/agent/v1/enroll`). Keys and signatures are Ed25519; public keys
 * travel as base64url of the 32 raw bytes, signatures as base64url. Timestamps are ISO 8601 in UTC, durations carry their
 * unit in the name.
 */
import * as z from 'zod'
import { commandOutcome, MAX_CHUNK_BYTES, signedCancel, signedCommand } from './agent-commands.ts'
import { agentConfiguration } from './agent-configuration.ts'
import { eventEntry, MOST_EVENTS } from './agent-events.ts'
import { inventorySections, SECTION_NAMES, softwareDelta } from './agent-inventory.ts'
import { metricSample, MOST_SAMPLES } from './agent-metrics.ts'

export const AGENT_WS_PATH = '/agent/v1/ws'
export const AGENT_ENROLL_PATH = '/agent/v1/enroll'
export const AGENT_POLL_PATHS = {
  open: '/agent/v1/poll/open',
  send: '/agent/v1/poll/send',
  receive: '/agent/v1/poll/receive',
} as const

const id = z.uuid()
const time = z.iso.datetime()
const text = (max: number) => z.string().max(max)

// ---------------------------------------------------------------- enrollment

const enrollingMachine = {
  publicKey: text(64),
  hostname: text(255),
  machineId: text(128),
  platform: z.enum(['linux', 'windows', 'macos']),
  agentVersion: text(40),
}

export const enrollRequest = z.union([
  z.object({ ...enrollingMachine, token: text(200) }),
  /**
   * A copy of an enrolled machine asks to become a device of its own: it proves the original's key (signature over
   * `separationMessage`) and waits for a person's approval.
   */
  z.object({ ...enrollingMachine, copyOf: z.object({ deviceId: id, signature: text(100) }) }),
])
export type EnrollRequest = z.infer<typeof enrollRequest>

export const serverKey = z.object({
  id: text(64),
  publicKey: text(64),
  /** By an older key: signature over `endorsementMessage`. Absent for a key that was first. */
  endorsedBy: z.object({ id: text(64), signature: text(100) }).optional(),
})
export type ServerKey = z.infer<typeof serverKey>

/** The current key first; then the next one; then retired ones, whose commands may still be on their way or in the chain. */
const serverKeys = z.array(serverKey).min(1).max(12)

export const enrollResponse = z.object({
  deviceId: id,
  organizationId: id,
  serverKeys,
  heartbeatSeconds: z.number().int().min(1).max(3600),
  /** A person must approve the device before it gets commands. */
  awaitingApproval: z.boolean(),
})
export type EnrollResponse = z.infer<typeof enrollResponse>

// ---------------------------------------------------------------- frames

export const GOODBYE_REASONS = ['shutdown', 'reboot', 'sleep', 'stop', 'update', 'uninstall'] as const
export type GoodbyeReason = (typeof GOODBYE_REASONS)[number]

/** Agent to server. */
export const agentFrame = z.discriminatedUnion('type', [
  /** Answers the challenge: signature over `authenticationMessage(nonce, deviceId)` with the device key. */
  z.object({
    type: z.literal('hello'),
    protocol: z.number().int(),
    deviceId: id,
    signature: text(100),
    agentVersion: text(40),
    bootId: text(80),
    /** With the boot id, what tells a machine from a copy of it. */
    machineId: text(128),
    /** Of the configuration in force on the device; null before the first. */
    configurationEtag: text(64).nullable(),
  }),
  z.object({
    type: z.literal('heartbeat'),
    sentAt: time,
    bootId: text(80),
    uptimeSeconds: z.number().min(0),
    cpuPercent: z.number().min(0).max(100).nullable(),
    memoryPercent: z.number().min(0).max(100).nullable(),
    /** Null where the device can't tell. */
    rebootPending: z.boolean().nullable(),
    /** It is cut off by `network.isolate`. Left out where the device can't be. */
    isolated: z.boolean().optional(),
    /** The last measured way to the server and back. */
    roundTripMs: z.number().min(0).nullable(),
    configurationEtag: text(64).nullable(),
    /** Content hash of each section as last collected; the server asks for those it does not hold. */
    sections: z.record(z.string(), text(64)),
    /** Results recorded on the device and not yet acknowledged by the server. */
    unacknowledged: z.number().int().min(0),
  }),
  z.object({
    type: z.literal('inventory'),
    sections: inventorySections.partial(),
    hashes: z.record(z.string(), text(64)),
    /** Instead of the whole section, where the agent knows what the server holds. */
    softwareDelta: softwareDelta.optional(),
  }),
  /** In the order they were taken. The next frame goes once this one is acknowledged. */
  z.object({ type: z.literal('metrics'), samples: z.array(metricSample).min(1).max(MOST_SAMPLES) }),
  /** The command is recorded in the device's journal and will run once. */
  z.object({ type: z.literal('accepted'), commandId: id }),
  z.object({ type: z.literal('started'), commandId: id, startedAt: time }),
  /** Output as it comes. Best effort: the result carries all of it that is kept. */
  z.object({
    type: z.literal('output'),
    commandId: id,
    /** From 0, by one. */
    sequence: z.number().int().min(0),
    text: z.string().max(MAX_CHUNK_BYTES),
  }),
  z.object({ type: z.literal('result'), commandId: id, outcome: commandOutcome }),
  /** A new key for this device, proven by its own signature over `rotationMessage`. The old one is valid until it is used. */
  z.object({ type: z.literal('rotate_key'), publicKey: text(64), signature: text(100) }),
  /**
   * Entries of event logs that match a watch of the configuration. They come again, under the same number, until
   * `events_recorded` names it.
   */
  z.object({
    type: z.literal('events'),
    /** Grows with each batch, and is never used twice by the device: it starts at the time at which its counting began. */
    sequence: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
    entries: z.array(eventEntry).min(1).max(MOST_EVENTS),
  }),
  z.object({ type: z.literal('goodbye'), reason: z.enum(GOODBYE_REASONS) }),
])
export type AgentFrame = z.infer<typeof agentFrame>

/** Server to agent. */
export const serverFrame = z.discriminatedUnion('type', [
  z.object({ type: z.literal('challenge'), nonce: text(100), serverTime: time }),
  z.object({
    type: z.literal('welcome'),
    heartbeatSeconds: z.number().int().min(1).max(3600),
    serverKeys,
    serverTime: time,
  }),
  /** The whole configuration; the agent acknowledges by its etag in the next heartbeat. */
  z.object({ type: z.literal('configuration'), etag: text(64), configuration: agentConfiguration }),
  z.object({
    type: z.literal('send_inventory'),
    sections: z.array(z.enum(SECTION_NAMES)),
    /** Sections that must come whole, because a delta did not fit. */
    whole: z.array(z.enum(SECTION_NAMES)).optional(),
  }),
  /** The samples of a frame are durable: the agent may forget them. `until` is the time of the frame's last one. */
  z.object({ type: z.literal('metrics_recorded'), until: time }),
  z.object({ type: z.literal('command'), command: signedCommand }),
  z.object({ type: z.literal('cancel'), cancel: signedCancel }),
  /** The result is durable on the server: the agent may forget it. */
  z.object({ type: z.literal('result_recorded'), commandId: id }),
  /** The batch is durable on the server: the agent may forget it. */
  z.object({ type: z.literal('events_recorded'), sequence: z.number().int().min(0) }),
  /** The key of the last `rotate_key` is known: connections may use it from now on. */
  z.object({ type: z.literal('key_rotated'), publicKey: text(64) }),
  z.object({ type: z.literal('error'), code: text(60), message: text(500), retryAfterSeconds: z.number().optional() }),
])
export type ServerFrame = z.infer<typeof serverFrame>

/** WebSocket close codes with a meaning of ours; long-polling tells them in `closed`. */
export const CLOSE = {
  authenticationFailed: 4001,
  replaced: 4002,
  protocolError: 4003,
  draining: 4004,
  unknownDevice: 4005,
  /** The same identity lives on another machine: this one asks to become a device of its own. */
  copied: 4006,
} as const

// ---------------------------------------------------------------- long-polling

/**
 * Answer to `open`. The session is a secret: it is sent in the `Authorization: Bearer` header of the other two requests.
 * These frames are the first of the count: after a challenge alone, the agent's first `receive` says 1.
 *
 * All three are POSTs with JSON. `send` is answered with 204. A session that is not known (any more) is 404, too busy to
 * open one is 503 with Retry-After. `closed` comes with the last frames, and ends the session once they were told.
 */
export const pollOpened = z.object({ session: text(100), frames: z.array(serverFrame) })
export const pollSend = z.object({
  /** From 0, by one: a request that is sent again because its answer was lost changes nothing. */
  sequence: z.number().int().min(0),
  frames: z.array(z.unknown()).max(200),
})
export const pollReceive = z.object({
  /** Number of frames that arrived so far: the server may forget them. */
  received: z.number().int().min(0),
  waitSeconds: z.number().int().min(0).max(50),
})
export const pollReceived = z.object({
  /** Of the first frame, counted from 0. */
  first: z.number().int().min(0),
  frames: z.array(serverFrame),
  /** The connection ended with this code. */
  closed: z.number().int().optional(),
})
export type PollReceived = z.infer<typeof pollReceived>

// ---------------------------------------------------------------- signed texts
// Each bound to its purpose, so that a signature serves nothing else.

/** What a device signs to prove its key. */
export function authenticationMessage(nonce: string, deviceId: string): string {
  return `breeze-agent-authentication-v1\n${nonce}\n${deviceId}`
}
/** What a device signs with its new key to prove that it holds it. */
export function rotationMessage(deviceId: string, publicKey: string): string {
  return `breeze-agent-key-rotation-v1\n${deviceId}\n${publicKey}`
}
/** What a copy signs with the original's key to become a device of its own with a key of its own. */
export function separationMessage(deviceId: string, publicKey: string, machineId: string): string {
  return `breeze-agent-separation-v1\n${deviceId}\n${publicKey}\n${machineId}`
}
/** What an older command-signing key signs for a newer one. */
export function endorsementMessage(key: Pick<ServerKey, 'id' | 'publicKey'>): string {
  return `breeze-server-key-endorsement-v1\n${key.id}\n${key.publicKey}`
}
