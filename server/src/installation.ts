/** What the first start makes: the partner, its internal organization and the first Partner Admin. Later starts find them. */
import { hash } from '@node-rs/argon2'
import { SETUP_PREFIX } from './identity/setup.ts'
import { hashToken, makeToken } from './identity/tokens.ts'
import type { Environment } from './kernel/context.ts'
import type { Db, Tx } from './kernel/db.ts'

export interface Installation {
  partnerId: string
  adminId: string
  adminEmail: string
  internalOrganizationId: string
  internalSiteId: string
  /** Only from the start that made it; stored nowhere in clear. */
  oneTimePassword: string | null
  /** Beside it: makes the account one's own in the browser, until somebody has signed in. */
  setupToken: string | null
}

interface Stored {
  partner: string
  admin: string
  organization: string
  site: string
}

export async function ensureInstallation(
  db: Db,
  environment: Environment,
  pepper: Buffer,
  admin: { email: string; password: string | null },
): Promise<Installation> {
  const password = admin.password ?? environment.randomBytes(15).toString('base64url')
  // Hashing takes a while on purpose; it must not happen inside the transaction.
  const existing = await db.worker(readInstallation)
  if (existing) return existing
  const passwordHash = await hash(password)
  return db.worker(async (tx) => {
    await tx.prepared('installation_lock', `select pg_advisory_xact_lock(hashtext('breeze installation'))`, [])
    const other = await readInstallation(tx)
    if (other) return other
    const made = await create(tx, environment, admin.email, passwordHash)
    // Who chose the password in the configuration has nothing left to set up.
    if (admin.password !== null) return made
    const setupToken = makeToken(SETUP_PREFIX, environment.randomBytes)
    const stored = { hash: hashToken(setupToken, pepper).toString('base64') }
    await tx.prepared('install_setup', `insert into installation (key, value) values ('setup', $1)`, [
      JSON.stringify(stored),
    ])
    return { ...made, oneTimePassword: password, setupToken }
  })
}

async function readInstallation(tx: Tx): Promise<Installation | null> {
  const rows = await tx.prepared<{ value: Stored; email: string }>(
    'installation_read',
    `select i.value, u.email from installation i join users u on u.id = (i.value->>'admin')::uuid where i.key = 'first'`,
    [],
  )
  const row = rows[0]
  if (!row) return null
  return {
    partnerId: row.value.partner,
    adminId: row.value.admin,
    adminEmail: row.email,
    internalOrganizationId: row.value.organization,
    internalSiteId: row.value.site,
    oneTimePassword: null,
    setupToken: null,
  }
}

async function create(tx: Tx, environment: Environment, email: string, passwordHash: string): Promise<Installation> {
  const [partner, admin, organization, site] = [
    environment.newId(),
    environment.newId(),
    environment.newId(),
    environment.newId(),
  ]
  const run = (name: string, text: string, values: unknown[]) => tx.prepared(`install_${name}`, text, values)
  await run('partner', `insert into partners (id, name) values ($1, 'My MSP')`, [partner])
  await run(
    'organization',
    `insert into organizations (id, partner_id, name, kind) values ($1, $2, 'Breeze server', 'internal')`,
    [organization, partner],
  )
  await run('site', `insert into sites (id, organization_id, name) values ($1, $2, 'This machine')`, [
    site,
    organization,
  ])
  await run(
    'user',
    `insert into users (id, partner_id, kind, email, name, password_hash) values ($1, $2, 'person', $3, $3, $4)`,
    [admin, partner, email, passwordHash],
  )
  await run(
    'role',
    `insert into role_assignments (id, partner_id, user_id, role_id) values ($1, $2, $3, 'partner_admin')`,
    [environment.newId(), partner, admin],
  )
  const stored: Stored = { partner, admin, organization, site }
  await run('store', `insert into installation (key, value) values ('first', $1)`, [JSON.stringify(stored)])
  return {
    partnerId: partner,
    adminId: admin,
    adminEmail: email,
    internalOrganizationId: organization,
    internalSiteId: site,
    oneTimePassword: null,
    setupToken: null,
  }
}
