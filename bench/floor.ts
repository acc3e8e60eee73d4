/**
 * The floor: what `list_devices` costs when nothing but its statement and its audit entry is done. One bare route; the
 * statement's text and name, the logins, the pools, the tenant transaction and the audit appender are the server's own.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { randomUUID } from 'node:crypto'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { Connection } from '../server/src/database/logins.ts'
import { openDatabase } from '../server/src/database/open.ts'
import { AuditAppender } from '../server/src/kernel/audit/appender.ts'
import { draftFor } from '../server/src/kernel/audit/entry.ts'
import type { Caller, RowAccess } from '../server/src/kernel/caller.ts'
import { systemEnvironment } from '../server/src/kernel/context.ts'
import { hotStatement } from './hot-statement.ts'

export interface FloorSetup {
  owner: Connection
  pepper: string
  access: RowAccess
  caller: Caller
}

process.once('message', (setup: FloorSetup) => void serve(setup))
process.on('disconnect', () => process.exit(0))

async function serve({ owner, pepper, access, caller }: FloorSetup): Promise<void> {
  const { db } = await openDatabase({ owner, pepper: Buffer.from(pepper, 'hex'), onError: () => undefined })
  const audit = await AuditAppender.open(db, systemEnvironment, randomUUID())
  const hot = await hotStatement()
  const app = new Hono()
  app.post('/', async (context) => {
    const rows = await db.tenant(access, (tx) => tx.prepared<object>(hot.name, hot.text, hot.values))
    const draft = {
      ...draftFor(caller, 'outcome', new Date()),
      callId: systemEnvironment.newId(),
      tool: 'list_devices',
    }
    await audit.append({
      ...draft,
      tier: 1,
      decision: 'allowed',
      outcome: 'succeeded',
      durationMs: 1,
      input: { limit: 25 },
    })
    return context.json(rows[0] ?? {})
  })
  const server = createServer(getRequestListener(app.fetch))
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
}
