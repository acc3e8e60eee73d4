/**
 * Commands to agents and what becomes of them.
 *
 * The server signs the exact bytes of `payload`, so that nothing needs a canonical form. An agent refuses what is unsigned,
 * expired, replayed, meant for another device or forbidden by the device's own policy.
 */
import * as z from 'zod'
import type { Capability } from './agent-capabilities.ts'
import { signedManifest } from './agent-release.ts'

export const PROTOCOL_VERSION = 1
/** A frame larger than this closes the connection. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024
/** Script output kept by the agent; the true size is always told. */
export const MAX_OUTPUT_BYTES = 1_000_000
/** One piece of output that is sent while a script runs. */
export const MAX_CHUNK_BYTES = 16 * 1024
/** File content in one command or one result, before base64. */
export const MAX_FILE_BYTES = 512 * 1024

const id = z.uuid()
const time = z.iso.datetime()
const text = (max: number) => z.string().max(max)

// ---------------------------------------------------------------- arguments

export const SCRIPT_LANGUAGES = ['bash', 'sh', 'python', 'powershell', 'cmd'] as const
export type ScriptLanguage = (typeof SCRIPT_LANGUAGES)[number]

/** What a script's own variables are called: nothing that an interpreter or the system reads. */
export const SCRIPT_VARIABLE = /^PARAM_[A-Z0-9_]{1,60}$/

export const scriptArgs = z.object({
  language: z.enum(SCRIPT_LANGUAGES),
  content: text(200_000),
  /** Passed as argv, never through a shell. */
  arguments: z.array(text(10_000)).max(64),
  timeoutSeconds: z.number().int().min(1).max(3600),
  /** A user of the device; without it, the agent's own. */
  runAs: text(64).optional(),
  /** An existing folder; without it, `/` (Windows: the system drive). */
  workingDirectory: text(1000).optional(),
  /** Beside the few that every script gets. */
  environment: z.record(z.string().regex(SCRIPT_VARIABLE), text(10_000)).optional(),
  /** Those of them whose values the device masks in what the script writes. */
  secrets: z.array(text(70)).max(64).optional(),
})
export type ScriptArgs = z.infer<typeof scriptArgs>

export const powerArgs = z.object({ delaySeconds: z.number().int().min(0).max(86_400), reason: text(500) })
export type PowerArgs = z.infer<typeof powerArgs>

export const SERVICE_ACTIONS = ['start', 'stop', 'restart'] as const
export const serviceArgs = z.object({
  name: text(256),
  action: z.enum(SERVICE_ACTIONS),
  timeoutSeconds: z.number().int().min(1).max(600),
})

export const LOG_LEVELS = ['critical', 'error', 'warning', 'info', 'debug'] as const
export const logArgs = z.object({
  /** `system`, `security`, `kernel`, `packages`, or a name the device knows (a unit, a Windows log). */
  log: text(200),
  /** This level and the more severe ones. */
  level: z.enum(LOG_LEVELS).optional(),
  since: time.optional(),
  /** Part of the message, whatever its case. */
  contains: text(200).optional(),
  /** The latest entries. */
  limit: z.number().int().min(1).max(1000),
})

export const processArgs = z.object({
  sort: z.enum(['cpu', 'memory']),
  limit: z.number().int().min(1).max(500),
  contains: text(200).optional(),
})

export const diagnoseArgs = z.object({
  /** Host name or address to resolve and to reach; without it, the server itself. */
  target: text(255).optional(),
  port: z.number().int().min(1).max(65_535).optional(),
})

export const wakeArgs = z.object({
  /** Hardware addresses of the device to wake, as `aa:bb:cc:dd:ee:ff`. */
  macs: z
    .array(z.string().regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i))
    .min(1)
    .max(16),
})

const path = text(4096)
export const fileListArgs = z.object({ path, limit: z.number().int().min(1).max(1000) })
export const fileReadArgs = z.object({
  path,
  offset: z.number().int().min(0),
  maxBytes: z.number().int().min(1).max(MAX_FILE_BYTES),
})
export const filePutArgs = z.object({
  path,
  /** base64 of at most MAX_FILE_BYTES. */
  content: text(Math.ceil(MAX_FILE_BYTES / 3) * 4),
  overwrite: z.boolean(),
  /** Such as 0o644; without it, 0o600, or as it was where a file is overwritten. */
  mode: z.number().int().min(0).max(0o777).optional(),
})
export const fileDeleteArgs = z.object({ path })

/** `refreshLists`: has the package manager fetch its lists before it is asked what is pending. */
export const updatesScanArgs = z.object({ refreshLists: z.boolean() })

export const MOST_UPDATES_AT_ONCE = 500
export const updatesInstallArgs = z.object({
  updates: z
    .array(
      z.object({
        name: text(300).min(1),
        /** Exactly this one; null for the newest there is. */
        version: text(200).nullable(),
        /** Windows: the KB article. */
        article: text(40).optional(),
      }),
    )
    .min(1)
    .max(MOST_UPDATES_AT_ONCE),
  /** Of all package work together; the scripts have their own. */
  timeoutSeconds: z.number().int().min(60).max(14_400),
  /** Nothing is installed where it fails. */
  preScript: scriptArgs.optional(),
  /** Runs whatever became of the updates. */
  postScript: scriptArgs.optional(),
})

export const isolateArgs = z.object({
  /** What stays in reach beside the server. */
  allow: z
    .array(z.object({ address: z.union([z.ipv4(), z.ipv6()]), port: z.number().int().min(1).max(65_535) }))
    .max(64),
  /** By the server's time; 0: until it is released. */
  releaseAfterSeconds: z.number().int().min(0).max(604_800),
})

export const agentUpdateArgs = z.object({
  manifest: signedManifest,
  /** Lets this device fetch the build. */
  ticket: text(300),
  /** How long the new version may take to be let in by the server; then the former one is put back. */
  probationSeconds: z.number().int().min(1).max(3600),
  /** Tries a build again that was rolled back here. */
  force: z.boolean(),
})

export const commandBody = z.discriminatedUnion('type', [
  z.object({ type: z.literal('script.run'), args: scriptArgs }),
  z.object({ type: z.literal('power.reboot'), args: powerArgs }),
  z.object({ type: z.literal('power.shutdown'), args: powerArgs }),
  z.object({ type: z.literal('device.lock'), args: z.object({}) }),
  z.object({ type: z.literal('network.wake'), args: wakeArgs }),
  z.object({ type: z.literal('network.diagnose'), args: diagnoseArgs }),
  z.object({ type: z.literal('service.control'), args: serviceArgs }),
  z.object({ type: z.literal('logs.read'), args: logArgs }),
  z.object({ type: z.literal('processes.list'), args: processArgs }),
  z.object({ type: z.literal('files.list'), args: fileListArgs }),
  z.object({ type: z.literal('files.read'), args: fileReadArgs }),
  z.object({ type: z.literal('files.put'), args: filePutArgs }),
  z.object({ type: z.literal('files.delete'), args: fileDeleteArgs }),
  z.object({ type: z.literal('updates.scan'), args: updatesScanArgs }),
  z.object({ type: z.literal('updates.install'), args: updatesInstallArgs }),
  z.object({ type: z.literal('network.isolate'), args: isolateArgs }),
  z.object({ type: z.literal('network.release'), args: z.object({}) }),
  z.object({ type: z.literal('agent.update'), args: agentUpdateArgs }),
])
export type CommandBody = z.infer<typeof commandBody>
export type CommandType = CommandBody['type']
export type CommandArgs<T extends CommandType> = Extract<CommandBody, { type: T }>['args']

/** What a device must be able to do for this command. */
export function capabilitiesOf(body: CommandBody): Capability[] {
  if (body.type === 'script.run') return ofScript(body.args)
  if (body.type !== 'updates.install') return [body.type]
  const scripts = [body.args.preScript, body.args.postScript].filter((script) => script !== undefined)
  return [...new Set([body.type, ...scripts.flatMap(ofScript)])]
}

function ofScript({ language, runAs, environment }: ScriptArgs): Capability[] {
  return [
    `script.${language}`,
    ...(runAs === undefined ? [] : (['script.run_as'] as const)),
    ...(environment === undefined ? [] : (['script.environment'] as const)),
  ]
}

// ---------------------------------------------------------------- envelopes

export const commandPayload = z.object({
  v: z.literal(PROTOCOL_VERSION),
  commandId: id,
  deviceId: id,
  issuedAt: time,
  expiresAt: time,
  body: commandBody,
})
export type CommandPayload = z.infer<typeof commandPayload>

/** Ends a command: one that has not started never does, one that runs is stopped where its type allows it. */
export const cancelPayload = z.object({
  v: z.literal(PROTOCOL_VERSION),
  cancels: id,
  deviceId: id,
  issuedAt: time,
})
export type CancelPayload = z.infer<typeof cancelPayload>

const signed = z.object({ keyId: text(64), payload: text(MAX_FRAME_BYTES), signature: text(100) })
export const signedCommand = signed
export type SignedCommand = z.infer<typeof signedCommand>
export const signedCancel = signed
export type SignedCancel = z.infer<typeof signedCancel>

/** The bytes the server signs for a command. Bound to a purpose, so that the signature serves nothing else. */
export function commandMessage(payload: string): string {
  return `breeze-command-v1\n${payload}`
}
/** The bytes the server signs to cancel one. */
export function cancelMessage(payload: string): string {
  return `breeze-cancel-v1\n${payload}`
}

// ---------------------------------------------------------------- outcomes

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
  state: z.enum(['succeeded', 'failed', 'timed_out', 'rejected', 'interrupted', 'cancelled']),
  reason: z.string().max(500).optional(),
  exitCode: z.number().int().nullable().optional(),
  signal: text(20).nullable().optional(),
  /** stdout and stderr in arrival order, at most MAX_OUTPUT_BYTES of UTF-8. */
  output: z.string().optional(),
  /** Bytes the script really wrote. */
  outputBytes: z.number().int().optional(),
  truncated: z.boolean().optional(),
  /** What the command found, in the shape that `RESULT_DATA` gives for its type. */
  data: z.unknown().optional(),
  startedAt: time.optional(),
  finishedAt: time.optional(),
  durationMs: z.number().int().optional(),
})
export type CommandOutcome = z.infer<typeof commandOutcome>

export const logEntry = z.object({
  at: time.nullable(),
  level: z.enum(LOG_LEVELS).nullable(),
  /** The program or unit that wrote it. */
  source: text(200),
  message: text(4000),
})
export type LogEntry = z.infer<typeof logEntry>

/** Where it was read, because a device may have one of several logs, or none. */
const from = { source: text(200) }

/** As read back from the packet filter. `until`: when it releases itself, by the server's time. */
const isolation = z.object({ isolated: z.boolean(), until: time.nullable() })

/** The structured results, per type. What a device says is data, never instructions. */
export const RESULT_DATA = {
  'service.control': z.object({
    ...from,
    name: text(256),
    /** Read back after the act. */
    state: z.enum(['running', 'stopped', 'starting', 'stopping', 'failed', 'unknown']),
    before: z.enum(['running', 'stopped', 'starting', 'stopping', 'failed', 'unknown']),
    pid: z.number().int().nullable(),
  }),
  'logs.read': z.object({
    ...from,
    /** The newest first. */
    entries: z.array(logEntry).max(1000),
    /** More matched than were asked for. */
    more: z.boolean(),
  }),
  'processes.list': z.object({
    ...from,
    total: z.number().int(),
    processes: z
      .array(
        z.object({
          pid: z.number().int(),
          parent: z.number().int(),
          name: text(300),
          commandLine: text(1000),
          user: text(128).nullable(),
          state: text(20),
          /** Of one core, since the process started or over the sampling time. */
          cpuPercent: z.number().nullable(),
          memoryBytes: z.number().int(),
          startedAt: time.nullable(),
        }),
      )
      .max(500),
  }),
  'network.diagnose': z.object({
    ...from,
    defaultGateway: text(80).nullable(),
    nameServers: z.array(text(80)).max(16),
    checks: z
      .array(
        z.object({
          check: z.enum(['resolve', 'connect', 'gateway', 'server']),
          target: text(300),
          ok: z.boolean(),
          milliseconds: z.number().nullable(),
          detail: text(500),
        }),
      )
      .max(32),
  }),
  'network.wake': z.object({ ...from, sent: z.number().int(), addresses: z.array(text(80)).max(64) }),
  'files.list': z.object({
    path,
    entries: z
      .array(
        z.object({
          name: text(500),
          kind: z.enum(['file', 'folder', 'link', 'other']),
          sizeBytes: z.number().int(),
          modifiedAt: time.nullable(),
          mode: text(10),
          owner: text(128).nullable(),
        }),
      )
      .max(1000),
    /** All entries of the folder. */
    total: z.number().int(),
  }),
  'files.read': z.object({
    path,
    /** base64. */
    content: text(Math.ceil(MAX_FILE_BYTES / 3) * 4),
    offset: z.number().int(),
    sizeBytes: z.number().int(),
    /** Of the whole file, where it was read whole. */
    sha256: text(64).nullable(),
  }),
  'files.put': z.object({ path, sizeBytes: z.number().int(), sha256: text(64), replaced: z.boolean() }),
  'files.delete': z.object({ path, sizeBytes: z.number().int() }),
  /** The sections were sent as inventory before. */
  'updates.scan': z.object({ pending: z.number().int(), listsUpdatedAt: time.nullable() }),
  'updates.install': z.object({
    /** One for each that was asked for, in the same order. */
    results: z
      .array(
        z.object({
          name: text(300),
          /** `installed`: the version was read back from the system. `not_available`: there is no such version to get. */
          state: z.enum(['installed', 'already_installed', 'not_available', 'failed', 'not_attempted']),
          before: text(200).nullable(),
          after: text(200).nullable(),
          /** In the words of the package manager, where it gave any. */
          reason: text(500).optional(),
        }),
      )
      .max(MOST_UPDATES_AT_ONCE),
    rebootPending: z.boolean().nullable(),
  }),
  'network.isolate': isolation,
  'network.release': isolation,
  /** The version that ran before, the one that was ordered, and the one that runs now. */
  'agent.update': z.object({ from: text(40), to: text(40), running: text(40) }),
} as const satisfies { readonly [T in CommandType]?: z.ZodType }
export type ResultData<T extends keyof typeof RESULT_DATA> = z.infer<(typeof RESULT_DATA)[T]>
