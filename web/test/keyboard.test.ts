/** Every page and every dialog of theirs, by keyboard alone and by the rules of accessibility. */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Console, findingsInBothThemes, noBrowser, startConsole } from './browser.ts'
import { DIALOGS, furnish, lastOpener, openDialog, openPage, PAGES, type Place } from './places.ts'

/** What Tab must reach, in the order in which it is read. Marks each element, so that the walk can name it. */
const CONTROLS = `(() => {
  const scope = document.querySelector('dialog[open]') ?? document.body
  const all = [...scope.querySelectorAll('a[href], button, summary, input, select, textarea, [tabindex]')]
  const shown = all.filter((element) =>
    element.tabIndex >= 0 && !element.disabled && !element.closest('[inert], [hidden]') && element.checkVisibility({ visibilityProperty: true }))
  // Of radios that belong together, Tab knows one.
  const groups = new Map()
  for (const radio of shown) if (radio.type === 'radio' && (radio.checked || !groups.has(radio.name))) groups.set(radio.name, radio)
  return shown.filter((element) => element.type !== 'radio' || groups.get(element.name) === element).map((element, index) => {
    element.dataset.walk = String(index)
    return (element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent ?? '').trim().slice(0, 40)
  })
})()`

const FOCUSED = `(() => {
  const at = document.activeElement
  return !at || at === document.body || !document.hasFocus() ? null : (at.dataset.walk ?? '?' + at.outerHTML.slice(0, 80))
})()`

/** Where the focus is, press by press; null where it has left for the browser's own controls. */
async function walk(page: Page, presses: number): Promise<(string | null)[]> {
  const stops: (string | null)[] = []
  for (let press = 0; press < presses; press += 1) {
    await page.keyboard.press('Tab')
    stops.push((await page.evaluate(FOCUSED)) as string | null)
  }
  return stops
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index))

describe.skipIf(noBrowser !== undefined)('by keyboard alone', () => {
  let console: Console
  beforeAll(async () => {
    console = await startConsole()
    const contoso = await console.harness.organization('Contoso')
    await console.harness.organization('Fabrikam')
    await furnish(console.harness, contoso)
  })
  afterAll(() => console.close())

  const proven = () => console.harness.sql('update sessions set proven_at = now()')

  test('Tab goes over every page as it is read, reaches all of it, and leaves it again', async () => {
    const page = await console.enter('/settings/mcp-server')
    for (const path of PAGES) {
      await openPage(page, path)
      const controls = (await page.evaluate(CONTROLS)) as string[]
      expect(controls.length, path).toBeGreaterThan(10)
      const stops = await walk(page, controls.length + 1)
      expect([path, stops.slice(0, -1)]).toEqual([path, numbers(controls.length)])
      // Then it is the browser's, or the first one's again: nothing holds it.
      expect([path, [null, '0'].includes(stops.at(-1) ?? null)]).toEqual([path, true])
    }
  }, 180_000)

  const nameOf = ({ path, press }: Place) => `${path}: ${press.map(({ name }) => String(name)).join(', ')}`

  /** One window for all dialogs: the page of the last one is still there, unless it went wrong on it. */
  let shared: Page | undefined
  let shownPath: string | undefined
  const pageOf = async (path: string): Promise<Page> => {
    const page = (shared ??= await console.enter(path))
    if (shownPath !== path) await openPage(page, path)
    shownPath = undefined
    return page
  }

  test.each(DIALOGS.map((place) => [nameOf(place), place] as const))('%s', async (_, place) => {
    await proven()
    const page = await pageOf(place.path)
    const dialog = await openDialog(page, place)
    // The focus is inside, and stays there: forwards to the end and around, and backwards.
    const inside = () => dialog.evaluate((element) => element.contains(document.activeElement))
    expect(await inside()).toBe(true)
    const modal = await dialog.evaluate((element) => element.tagName === 'DIALOG')
    if (modal) {
      const controls = (await page.evaluate(CONTROLS)) as string[]
      const seen = new Set(await walk(page, controls.length + 2))
      const missed = numbers(controls.length).filter((number) => !seen.has(number))
      expect(missed.map((number) => controls[Number(number)])).toEqual([])
      expect([...seen].filter((stop) => stop?.startsWith('?'))).toEqual([])
      await page.keyboard.press('Shift+Tab')
    }
    expect(await findingsInBothThemes(page, '[role=dialog], dialog[open]')).toEqual([])
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    await expect
      .poll(() => lastOpener(page, place).evaluate((element) => element === document.activeElement))
      .toBe(true)
    shownPath = place.path
  })

  test('the browser complained of nothing', () => expect(console.complaints).toEqual([]))
})
