/** What the server lets go of by itself, and when. What watches devices bounds its own tables (watching.ts); the audit is not touched. */
import type { Config } from './config.ts'
import { forgetAlerts } from './domains/alerts/retention.ts'
import { forgetContent, forgetPassing } from './domains/commands/retention.ts'
import type { Notifications } from './domains/notifications/service.ts'
import type { Environment } from './kernel/context.ts'
import type { Db } from './kernel/db.ts'
import type { Tasks } from './kernel/tasks.ts'
import type { UntrustedReads } from './kernel/untrusted-reads.ts'
import type { Periodic } from './periodic.ts'

const HOUR_MS = 3_600_000

interface Bounded {
  db: Db
  environment: Pick<Environment, 'now'>
  config: Pick<Config, 'outputDays' | 'alertDays'>
  tasks: Pick<Tasks, 'forget'>
  untrusted: Pick<UntrustedReads, 'forget'>
  notifications: Pick<Notifications, 'forget'>
}

export function keepBounded(
  periodic: Periodic,
  { db, environment, config, tasks, untrusted, notifications }: Bounded,
): void {
  periodic.every('old checks', HOUR_MS, () => forgetPassing(db, environment.now()))
  periodic.every('old content', HOUR_MS, () => forgetContent(db, environment.now(), config.outputDays))
  periodic.every('old alerts', HOUR_MS, () => forgetAlerts(db, environment.now(), config.alertDays))
  periodic.every('old notifications', HOUR_MS, () => notifications.forget())
  periodic.every('old tasks', HOUR_MS, () => tasks.forget())
  periodic.every('untrusted reads', HOUR_MS, () => untrusted.forget())
}
