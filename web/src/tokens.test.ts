/** What people can read: WCAG contrast of the tokens, in both themes. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const css = readFileSync(join(import.meta.dirname, 'tokens.css'), 'utf8')

function theme(name: 'light' | 'dark'): (token: string) => string {
  const block = css.slice(css.indexOf(`[data-theme='${name}'] {`))
  const own = block.slice(0, block.indexOf('\n}'))
  return (token) => new RegExp(`--${token}: (#[0-9a-f]{6});`).exec(own)?.[1] ?? `no --${token}`
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (light + 0.05) / (dark + 0.05)
}

const TEXTS = ['text', 'text-2', 'text-3', 'accent-text', 'crit', 'high', 'med', 'low', 'info', 'ok', 't1', 't2', 't3']
const SOFT = ['accent-text', 'crit', 'high', 'med', 'low', 'info', 'ok', 't1', 't2', 't3']
const MARKS = ['crit-mark', 'high-mark', 'med-mark', 'low-mark', 'info-mark', 'ok-mark', 'line-control', 'accent']

describe.each(['light', 'dark'] as const)('%s', (name) => {
  const token = theme(name)

  test.each(TEXTS)('%s can be read on every ground', (text) => {
    for (const ground of ['canvas', 'surface', 'raised', 'hover']) {
      expect(contrast(token(text), token(ground)), ground).toBeGreaterThanOrEqual(4.5)
    }
  })

  test.each(SOFT)('%s can be read on its own soft fill', (text) => {
    const soft = token(text === 'accent-text' ? 'accent-soft' : `${text}-soft`)
    expect(contrast(token(text), soft)).toBeGreaterThanOrEqual(4.5)
  })

  test.each(MARKS)('%s can be told from the page', (mark) => {
    expect(contrast(token(mark), token('surface'))).toBeGreaterThanOrEqual(3)
  })

  test.each(['accent', 'danger', 't4'])('text on %s can be read', (fill) => {
    expect(contrast(token(`${fill}-fg`), token(fill))).toBeGreaterThanOrEqual(4.5)
  })
})
