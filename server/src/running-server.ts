/** What a server is started with, and what it is once it runs. */
import type { Logger } from 'pino'
import type { AgentHub } from './adapters/agents/hub.ts'
import type { OauthDeps } from './adapters/oauth/adapter.ts'
import type { Config } from './config.ts'
import type { Connection } from './database/logins.ts'
import type { AlertEngine } from './domains/alerts/engine/engine.ts'
import type { Enrollment } from './domains/devices/enrollment.ts'
import type { Presence } from './domains/devices/presence.ts'
import type { DatabaseAuthenticator } from './identity/authenticator.ts'
import type { Installation } from './installation.ts'
import type { AuditAppender } from './kernel/audit/appender.ts'
import type { Checkpoints } from './kernel/audit/checkpoints.ts'
import type { Environment } from './kernel/context.ts'
import type { Db } from './kernel/db.ts'
import type { Door } from './kernel/door.ts'
import type { Events } from './kernel/events.ts'
import type { Governance } from './kernel/gates/may-use.ts'
import type { Registry } from './kernel/registry.ts'
import type { Services } from './kernel/services.ts'
import type { Tasks } from './kernel/tasks.ts'
import type { Tool } from './kernel/tool.ts'
import type { Keys } from './keys/keys.ts'
import type { Listener } from './listener.ts'

export interface ServerOptions {
  config: Config
  owner: Connection
  keys: Keys
  /** Already listening; otherwise the port of the configuration is taken. */
  listener?: Listener
  log: Logger
  environment?: Environment
  /** Beside the catalogue; tests only. */
  extraTools?: readonly Tool[]
  /** 60 unless a test is in a hurry. */
  heartbeatSeconds?: number
  /** Per address; the load tests come from one. */
  enrollmentsPerMinute?: number
  /** How documents of OAuth clients are fetched; tests only. */
  documents?: OauthDeps['documents']
  /** How long a call waits for the person it asks; tests only. */
  longestAskMs?: number
  /** Silence that means offline; tests only. */
  graceMs?: number
  /** The agent that it hands out; tests only. */
  agentBundle?: string
}

export interface RunningServer {
  /** With the port really listened on. */
  url: string
  config: Config
  installation: Installation
  migrated: string[]
  operatorToken: string
  db: Db
  door: Door
  registry: Registry
  governance: Governance
  authenticator: DatabaseAuthenticator
  audit: AuditAppender
  checkpoints: Checkpoints
  services: Services
  events: Events
  tasks: Tasks
  enrollment: Enrollment
  presence: Presence
  alertEngine: AlertEngine
  hub: AgentHub
  /** Answers no new calls, lets the running ones end, closes everything. */
  close(): Promise<void>
}
