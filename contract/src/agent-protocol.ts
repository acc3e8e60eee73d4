/**
 * The wire between an agent and the server, version 1. See docs/agent-protocol.md.
 *
 * One WebSocket (`/agent/v1/ws`) carries JSON frames, one per message. Enrollment is one HTTPS request (`/agent/v1/enroll`).
 * Keys and signatures are Ed25519; public keys travel as base64url of the 32 raw bytes, signatures as base64url.
 * Timestamps are ISO 8601 in UTC, durations carry their unit in the name.
 */
import { z } from 'zod'

export const PROTOCOL_VERSION = 1
export const AGENT_WS_PATH = '/agent/v1/ws'
export const AGENT_ENROLL_PATH = '/agent/v1/enroll'

/** A frame larger than this closes the connection. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024
/** Script output kept by the agent; the true size is always told. */
export const MAX_OUTPUT_BYTES = 1_000_000

const id = z.uuid()
const time = z.iso.datetime()
const text = (max: number) => z.string().max(max)

// ---------------------------------------------------------------- enrollment

export const enrollRequest = z.object({
  token: text(200),
  publicKey: text(64),
  hostname: text(255),
  machineId: text(128),
  platform: z.enum(['linux', 'windows', 'macos']),
  agentVersion: text(40),
})
export type EnrollRequest = z.infer<typeof enrollRequest>

export const serverKey = z.object({ id: text(64), publicKey: text(64) })
export type ServerKey = z.infer<typeof serverKey>

export const enrollResponse = z.object({
  deviceId: id,
  organizationId: id,
  /** Command-signing keys, current first. Only commands signed by one of these run. */
  serverKeys: z.array(serverKey).min(1).max(4),
  heartbeatSeconds: z.number().int().min(1).max(3600),
})
export type EnrollResponse = z.infer<typeof enrollResponse>

// ---------------------------------------------------------------- inventory

/** What a collector says of itself: a value is never a guess, and its absence is told with its reason. */
export const sectionStatus = z.enum(['ok', 'unsupported', 'no_permission', 'error', 'timeout'])
export type SectionStatus = z.infer<typeof sectionStatus>

const section = <T extends z.ZodType>(data: T) =>
  z.object({
    status: sectionStatus,
    /** Where the value was read: a file, a program. */
    source: text(200),
    collectedAt: time,
    /** Present exactly when the status is `ok`. */
    data: data.optional(),
    /** Why the status is not `ok`. */
    detail: text(500).optional(),
  })

export const identitySection = section(
  z.object({
    hostname: text(255),
    machineId: text(128),
    vendor: text(200).nullable(),
    model: text(200).nullable(),
    serial: text(200).nullable(),
    virtualization: text(60).nullable(),
  }),
)
export const osSection = section(
  z.object({
    family: z.enum(['linux', 'windows', 'macos']),
    name: text(200),
    version: text(100),
    kernel: text(200),
    /** Windows only: Win32_OperatingSystem.ProductType. */
    productType: z.enum(['workstation', 'domain_controller', 'server']).optional(),
    architecture: text(40),
    bootId: text(80),
    bootedAt: time,
  }),
)
export const cpuSection = section(
  z.object({ model: text(200), sockets: z.number().int(), cores: z.number().int(), threads: z.number().int() }),
)
export const memorySection = section(
  z.object({
    totalBytes: z.number().int(),
    availableBytes: z.number().int(),
    swapTotalBytes: z.number().int(),
    swapFreeBytes: z.number().int(),
  }),
)
/** Percentages as `df` counts them: used / (used + available), rounded up. */
export const disksSection = section(
  z
    .array(
      z.object({
        mount: text(500),
        device: text(500),
        filesystem: text(60),
        totalBytes: z.number().int(),
        usedBytes: z.number().int(),
        availableBytes: z.number().int(),
        usedPercent: z.number().int().min(0).max(100),
      }),
    )
    .max(256),
)
export const networkSection = section(
  z
    .array(
      z.object({
        name: text(60),
        mac: text(40).nullable(),
        up: z.boolean(),
        addresses: z.array(text(80)).max(64),
      }),
    )
    .max(256),
)

export const inventorySections = z.object({
  identity: identitySection,
  os: osSection,
  cpu: cpuSection,
  memory: memorySection,
  disks: disksSection,
  network: networkSection,
})
export type InventorySections = z.infer<typeof inventorySections>
export type SectionName = keyof InventorySections
export const SECTION_NAMES = [
  'identity',
  'os',
  'cpu',
  'memory',
  'disks',
  'network',
] as const satisfies readonly SectionName[]

// ---------------------------------------------------------------- commands

export const scriptArgs = z.object({
  language: z.enum(['bash', 'python', 'powershell']),
  content: text(200_000),
  /** Passed as argv, never through a shell. */
  arguments: z.array(text(10_000)).max(64),
  timeoutSeconds: z.number().int().min(1).max(3600),
})
export type ScriptArgs = z.infer<typeof scriptArgs>
export const powerArgs = z.object({ delaySeconds: z.number().int().min(0).max(86_400), reason: text(500) })
export type PowerArgs = z.infer<typeof powerArgs>

export const commandBody = z.discriminatedUnion('type', [
  z.object({ type: z.literal('script.run'), args: scriptArgs }),
  z.object({ type: z.literal('power.reboot'), args: powerArgs }),
  z.object({ type: z.literal('power.shutdown'), args: powerArgs }),
])
export type CommandBody = z.infer<typeof commandBody>
export type CommandType = CommandBody['type']

/** What the server signs: the exact bytes of `payload`, so that nothing needs a canonical form. */
export const commandPayload = z.object({
  v: z.literal(PROTOCOL_VERSION),
  commandId: id,
  deviceId: id,
  issuedAt: time,
  expiresAt: time,
  body: commandBody,
})
export type CommandPayload = z.infer<typeof commandPayload>

export const signedCommand = z.object({ keyId: text(64), payload: text(MAX_FRAME_BYTES), signature: text(100) })
export type SignedCommand = z.infer<typeof signedCommand>

/** Why an agent refused a command without running it. */
export const rejectionReason = z.enum([
  'bad_signature',
  'wrong_device',
  'expired',
  'malformed',
  'unsupported',
  'denied_locally',
])
export type RejectionReason = z.infer<typeof rejectionReason>

/**
 * What became of a command on the device. `interrupted`: the agent or the machine stopped after the start was
 * recorded, so the agent can't know how far it came; it is never run again.
 */
export const commandOutcome = z.object({
  state: z.enum(['succeeded', 'failed', 'timed_out', 'rejected', 'interrupted']),
  reason: z.string().max(500).optional(),
  exitCode: z.number().int().nullable().optional(),
  signal: text(20).nullable().optional(),
  /** stdout and stderr in arrival order, at most MAX_OUTPUT_BYTES of UTF-8. */
  output: z.string().optional(),
  /** Bytes the script really wrote. */
  outputBytes: z.number().int().optional(),
  truncated: z.boolean().optional(),
  startedAt: time.optional(),
  finishedAt: time.optional(),
  durationMs: z.number().int().optional(),
})
export type CommandOutcome = z.infer<typeof commandOutcome>

// ---------------------------------------------------------------- frames

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
  }),
  z.object({
    type: z.literal('heartbeat'),
    sentAt: time,
    bootId: text(80),
    uptimeSeconds: z.number().min(0),
    cpuPercent: z.number().min(0).max(100).nullable(),
    memoryPercent: z.number().min(0).max(100).nullable(),
    /** Content hash of each section as last sent by this agent; the server asks for those it does not hold. */
    sections: z.record(z.string(), text(64)),
    /** Results recorded on the device and not yet acknowledged by the server. */
    unacknowledged: z.number().int().min(0),
  }),
  z.object({
    type: z.literal('inventory'),
    sections: inventorySections.partial(),
    hashes: z.record(z.string(), text(64)),
  }),
  /** The command is recorded in the device's journal and will run once. */
  z.object({ type: z.literal('accepted'), commandId: id }),
  z.object({ type: z.literal('started'), commandId: id, startedAt: time }),
  z.object({ type: z.literal('result'), commandId: id, outcome: commandOutcome }),
  z.object({ type: z.literal('goodbye'), reason: z.enum(['shutdown', 'reboot', 'stop', 'update', 'uninstall']) }),
])
export type AgentFrame = z.infer<typeof agentFrame>

/** Server to agent. */
export const serverFrame = z.discriminatedUnion('type', [
  z.object({ type: z.literal('challenge'), nonce: text(100), serverTime: time }),
  z.object({
    type: z.literal('welcome'),
    heartbeatSeconds: z.number().int().min(1).max(3600),
    serverKeys: z.array(serverKey).min(1).max(4),
    serverTime: time,
  }),
  z.object({ type: z.literal('send_inventory'), sections: z.array(z.enum(SECTION_NAMES)) }),
  z.object({ type: z.literal('command'), command: signedCommand }),
  /** The result is durable on the server: the agent may forget it. */
  z.object({ type: z.literal('result_recorded'), commandId: id }),
  z.object({ type: z.literal('error'), code: text(60), message: text(500), retryAfterSeconds: z.number().optional() }),
])
export type ServerFrame = z.infer<typeof serverFrame>

/** WebSocket close codes with a meaning of ours. */
export const CLOSE = {
  authenticationFailed: 4001,
  replaced: 4002,
  protocolError: 4003,
  draining: 4004,
  unknownDevice: 4005,
} as const

/** The bytes a device signs to prove its key. Bound to a purpose, so that the signature serves nothing else. */
export function authenticationMessage(nonce: string, deviceId: string): string {
  return `breeze-agent-authentication-v1\n${nonce}\n${deviceId}`
}
/** The bytes the server signs for a command. */
export function commandMessage(payload: string): string {
  return `breeze-command-v1\n${payload}`
}
