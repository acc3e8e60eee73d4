/** A real Chromium on a real server, for the tests of the console. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page, type Request } from 'playwright-core'
import { expect } from 'vitest'
import { boot, type Harness, type HarnessOptions } from '../../server/test/harness.ts'

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'
export const noBrowser = existsSync(CHROMIUM) ? undefined : `no Chromium at ${CHROMIUM}`
if (noBrowser !== undefined) {
  if (process.env['CI']) throw new Error(noBrowser)
  console.warn(`not tested: ${noBrowser}`)
}

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking']
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** Generous: other tests run on the same two cores. */
const PATIENCE_MS = 20_000

export const ADMIN = 'admin@breeze.local'

export interface Console {
  harness: Harness
  url: string
  password: string
  /** A window of its own, with its own cookies. */
  open(options?: BrowserContextOptions): Promise<Page>
  /** The same, signed in, at `path`. */
  enter(path: string, options?: BrowserContextOptions): Promise<Page>
  /** What the browser complained of: refused by the pages' policy, or thrown. */
  complaints: string[]
  close(): Promise<void>
}

export async function startConsole(options: HarnessOptions = {}): Promise<Console> {
  const harness = await boot(options)
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
  const { url, installation } = harness.server
  const password = installation.oneTimePassword ?? ''
  const complaints: string[] = []
  const open = async (more: BrowserContextOptions = {}) => newPage(browser, { baseURL: url, ...more }, complaints)
  let cookies: Parameters<ReturnType<Page['context']>['addCookies']>[0] | undefined
  return {
    harness,
    url,
    password,
    complaints,
    open,
    enter: async (path, more) => {
      const page = await open(more)
      if (cookies) await page.context().addCookies(cookies)
      await page.goto(cookies ? path : `/sign-in?return_to=${encodeURIComponent(path)}`)
      if (!cookies) {
        await signIn(page, password)
        await page.getByRole('navigation', { name: 'Main' }).waitFor()
        cookies = await page.context().cookies()
      }
      return page
    },
    close: async () => {
      await browser.close()
      await harness.stop()
    },
  }
}

async function newPage(browser: Browser, options: BrowserContextOptions, complaints: string[]): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    // What fades in has too little contrast for a moment.
    reducedMotion: 'reduce',
    ...options,
  })
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  watchRequests(page)
  page.on('console', (message) => {
    // Refused requests are part of what the pages do; Chromium reports each.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  return page
}

interface Requests {
  open: Set<Request>
  lastAt: number
}
const requests = new WeakMap<Page, Requests>()

/** Not the stream of wake-ups, which is always open. */
function watchRequests(page: Page): void {
  const seen: Requests = { open: new Set(), lastAt: performance.now() }
  requests.set(page, seen)
  page.on('request', (request) => {
    if (!request.url().endsWith('/api/console/live')) seen.open.add(request)
  })
  const ended = (request: Request) => {
    if (seen.open.delete(request)) seen.lastAt = performance.now()
  }
  page.on('requestfinished', ended)
  page.on('requestfailed', ended)
}

const QUIET_MS = 150

/** The page has asked for all that it shows, and has it. */
export async function settled(page: Page): Promise<void> {
  const seen = requests.get(page)
  const from = performance.now()
  const isQuiet = () => seen?.open.size === 0 && performance.now() - Math.max(seen.lastAt, from) > QUIET_MS
  await expect.poll(isQuiet, { timeout: PATIENCE_MS, interval: 20 }).toBe(true)
}

export async function signIn(page: Page, password: string, email = ADMIN): Promise<void> {
  await page.getByLabel('Email').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

/** Nothing that the rules need is loaded besides, and only what breaks one is written out: it takes half the time. */
const RUN = `{ resultTypes: ['violations'], preload: false }`

/** Findings of the WCAG A and AA rules and of good practice, as lines; only of what is within `selector` where one is given. */
export async function findings(page: Page, selector?: string): Promise<string[]> {
  // Evaluated by the debugger, which the pages' policy does not bind.
  if ((await page.evaluate('typeof axe')) === 'undefined') await page.evaluate(AXE)
  const within = selector === undefined ? 'document' : JSON.stringify(selector)
  const results = (await page.evaluate(`axe.run(${within}, ${RUN})`)) as AxeResults
  return results.violations.map(
    ({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ html }) => html).join(' ')}`,
  )
}

/** The same in both themes, one after the other on the page as it stands. */
export async function findingsInBothThemes(page: Page, selector?: string): Promise<string[]> {
  const found: string[] = []
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme })
    await page.locator(`html[data-theme=${colorScheme}]`).waitFor()
    found.push(...(await findings(page, selector)).map((line) => `${colorScheme}: ${line}`))
  }
  return found
}
