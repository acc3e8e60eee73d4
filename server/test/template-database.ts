/** A database as a first start leaves it. Those of the test files are copies: to migrate each anew takes half a second. */
import { Client } from 'pg'
import { openDatabase } from '../src/database/open.ts'
import type { Connection } from '../src/database/logins.ts'

export const TEMPLATE = 'migrated'

export async function makeTemplate(postgres: Connection): Promise<void> {
  const admin = new Client(postgres)
  await admin.connect()
  await admin.query(`create database ${TEMPLATE}`)
  await admin.end()
  const owner = { ...postgres, database: TEMPLATE }
  const { db } = await openDatabase({ owner, pepper: Buffer.alloc(32, 7), onError: () => undefined })
  // What somebody is connected to can't be copied.
  await db.close()
}
