/** Every page, and every dialog that they open, for tests that walk over all of them. */
import type { Locator, Page } from 'playwright-core'
import type { Harness, Organization } from '../../server/test/harness.ts'
import { alertRow } from '../../server/test/alerts/rows.ts'
import { settled } from './browser.ts'

const ALERT = '019b0000-0000-7000-8000-00000000a1e7'
/** By its name, which leads there as well. */
const SCRIPT = 'walk-about'

export const PAGES = [
  '/overview',
  '/alerts',
  '/patches',
  '/patches?view=rules',
  '/scripts',
  '/rollouts',
  '/approvals',
  '/settings/mcp-server',
  '/settings/connected-clients',
  '/settings/api-keys',
  '/settings/risk-engine',
  '/settings/users',
  '/settings/invitations',
  '/settings/organizations',
  '/settings/enrollment',
  '/account',
] as const

export interface Place {
  path: string
  /** What is pressed, one after the other. The last one opens the dialog, and gets the focus back. */
  press: readonly Press[]
  /** Of the dialog. */
  title: RegExp
}
interface Press {
  role: 'button' | 'menuitem'
  name: string | RegExp
}

const button = (name: string | RegExp): Press => ({ role: 'button', name })
const item = (name: string): Press => ({ role: 'menuitem', name })

/** Those of one page stand together. */
export const DIALOGS: readonly Place[] = [
  { path: `/alerts/${ALERT}`, press: [button(/^Acknowledge…/)], title: /Acknowledge this alert/ },
  { path: `/alerts/${ALERT}`, press: [button(/^Resolve…/)], title: /Resolve this alert/ },
  { path: '/patches', press: [button('Deploy…')], title: /Deploy patches/ },
  { path: '/patches?view=rules', press: [button('New rule…')], title: /New patch rule/ },
  { path: '/scripts', press: [button('New script')], title: /New script/ },
  { path: `/scripts/${SCRIPT}`, press: [button('Run…')], title: /Run walk-about/ },
  { path: `/scripts/${SCRIPT}`, press: [button('Edit…')], title: /Edit walk-about/ },
  { path: '/settings/mcp-server', press: [button(/^Claude Code/)], title: /Connect Claude Code/ },
  { path: '/settings/connected-clients', press: [button(/^Revoke “walker”/)], title: /Revoke “walker”/ },
  { path: '/settings/connected-clients', press: [button('Blocked clients')], title: /Blocked clients/ },
  { path: '/settings/connected-clients', press: [button('Stop all assistants…')], title: /Stop all assistants/ },
  { path: '/settings/api-keys', press: [button('Create New Key')], title: /Create New Key/ },
  { path: '/settings/api-keys', press: [button('Actions for walking'), item('Edit…')], title: /Change/ },
  { path: '/settings/api-keys', press: [button('Actions for walking'), item('Rotate…')], title: /Rotate/ },
  { path: '/settings/api-keys', press: [button('Actions for walking'), item('Delete…')], title: /Delete/ },
  { path: '/settings/risk-engine?show=confirmation', press: [button(/^Set a rule…/)], title: /Set a rule/ },
  { path: '/settings/users', press: [button('New service user')], title: /Create a service user/ },
  {
    path: '/settings/users',
    press: [button('Actions for Tess'), item('Change role…')],
    title: /Change the role of Tess/,
  },
  {
    path: '/settings/users',
    press: [button('Actions for Tess'), item('Make a reset link…')],
    title: /Make a link for Tess/,
  },
  { path: '/settings/users', press: [button('Actions for Tess'), item('Sessions…')], title: /Sessions of Tess/ },
  { path: '/settings/users', press: [button('Actions for Tess'), item('Disable…')], title: /Disable Tess/ },
  { path: '/settings/invitations', press: [button('Invite a person')], title: /Invite a person/ },
  { path: '/settings/invitations', press: [button(/^Revoke the invitation/)], title: /Revoke/ },
  { path: '/settings/organizations', press: [button('New organization')], title: /Create an organization/ },
  { path: '/settings/organizations', press: [button('Change Contoso')], title: /Change Contoso/ },
  { path: '/settings/enrollment', press: [button('New token')], title: /Create an enrollment token/ },
  { path: '/settings/enrollment', press: [button(/^Delete the token/)], title: /Delete this token/ },
  { path: '/account', press: [button('Change password…')], title: /Change your password/ },
  { path: '/account', press: [button('Set up…')], title: /Set up an authenticator app/ },
]

export async function openPage(page: Page, path: string): Promise<void> {
  await page.goto(path)
  await page.getByRole('heading', { level: 1 }).waitFor()
  await settled(page)
}

export const lastOpener = (page: Page, { press }: Place): Locator => {
  const [first, second] = press
  // A menu goes with its item: the button that opened the menu is what is left.
  const opener = second === undefined || second.role === 'menuitem' ? first : second
  return page
    .getByRole(opener?.role ?? 'button', { name: opener?.name ?? '', exact: typeof opener?.name === 'string' })
    .first()
}

/** By keyboard alone: the focus on the opener, Enter, the item of the menu, Enter. */
export async function openDialog(page: Page, place: Place): Promise<Locator> {
  for (const [step, { role, name }] of place.press.entries()) {
    const target = page.getByRole(role, { name, exact: typeof name === 'string' }).first()
    await target.waitFor()
    if (step === 0) await target.focus()
    else await arrowTo(page, target)
    await page.keyboard.press('Enter')
  }
  const dialog = page.getByRole('dialog', { name: place.title })
  await dialog.waitFor()
  return dialog
}

async function arrowTo(page: Page, item: Locator): Promise<void> {
  // The menu takes the focus once it stands: keys that come sooner go elsewhere.
  await page.locator('[role=menu]:focus-within').waitFor()
  for (let presses = 0; presses < 12; presses += 1) {
    if (await item.evaluate((element) => element === document.activeElement)) return
    await page.keyboard.press('ArrowDown')
  }
  throw new Error('no arrow leads to the item')
}

/** Something in every list: an alert, a script, a key, a grant, a person, an invitation, a token. */
export async function furnish(harness: Harness, contoso: Organization): Promise<void> {
  const by = await harness.operator()
  const done = async (tool: string, input: object) => {
    const first = await harness.invoke(by, tool, input)
    const { confirmation } = first.status === 'held' ? first.hold : {}
    const outcome = confirmation
      ? await harness.invoke(by, tool, { ...input, confirmation: confirmation.token })
      : first
    if (outcome.status !== 'done') throw new Error(JSON.stringify(outcome))
  }
  const device = await harness.device(contoso, 'CONTOSO-SRV-1', { role: 'server', status: 'online' })
  const said = { value: 97, threshold: 90, unit: '%', mount: 'C:', device_text: { fullest: 'C:\\Temp' } }
  await alertRow(harness, contoso, { id: ALERT, device, severity: 'critical', title: 'Disk C: is full', detail: said })
  const days = { name: 'days', type: 'number', default: 30 }
  const parameters = [days, { name: 'pin', type: 'secret', required: true }]
  await done('save_script', { name: SCRIPT, language: 'bash', content: 'date', parameters })
  await done('create_api_key', { name: 'walking', scopes: ['ai:read'], organizations: 'Contoso' })
  await done('invite_user', { email: 'nia@contoso.test', role: 'viewer', organizations: 'Contoso' })
  await done('create_enrollment_token', { organization: 'Contoso' })
  const tess = await harness.user('technician', contoso.id)
  await harness.sql(`update users set name = 'Tess', email = 'tess@contoso.test' where id = $1`, [tess])
  await harness.sql(
    `insert into oauth_grants (id, partner_id, user_id, client_id, client_name, first_party, redirect_host, scopes, created_at,
       last_authorized_at, expires_at)
     select gen_random_uuid(), partner_id, id, 'walker', 'walker', false, '127.0.0.1', '{ai:read}', now(), now(), now() + interval '9 days'
     from users where email = 'admin@breeze.local'`,
  )
}
