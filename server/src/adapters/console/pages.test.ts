import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { consolePages } from './pages.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'breeze-pages-'))
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>Breeze</title>')
  writeFileSync(join(folder, 'assets', 'index-1a2b.js'), 'export {}')
  writeFileSync(join(folder, 'assets', 'large-1a2b.js'), `export const text = '${'a'.repeat(5000)}'`)
})
afterAll(() => rmSync(folder, { recursive: true }))

const get = (path: string, headers: Record<string, string> = { accept: 'text/html,*/*' }) =>
  consolePages(folder).request(path, { headers })

test.each(['/', '/sign-in', '/settings/api-keys', '/consent/abc'])('%s is the console', async (path) => {
  const page = await get(path)
  expect(page.status).toBe(200)
  expect(await page.text()).toContain('<title>Breeze</title>')
  expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/)
  expect(page.headers.get('content-security-policy')).not.toMatch(/unsafe/)
  expect(page.headers.get('referrer-policy')).toBe('same-origin')
  expect(page.headers.get('cache-control')).toBe('no-cache')
})

test.each([
  '/api/v1/none',
  '/oauth/none',
  '/.well-known/none',
  '/agent/none',
  '/metrics',
  '/none.php',
  '/assets/none.js',
])('%s is none of its pages, even to a browser', async (path) => expect((await get(path)).status).toBe(404))

test('a program that asks for no page gets none', async () => {
  expect((await get('/sign-in', { accept: 'application/json' })).status).toBe(404)
})

test('files with a digest in their name are kept for ever, pages are asked for again', async () => {
  const asset = await get('/assets/index-1a2b.js')
  expect(asset.headers.get('cache-control')).toContain('immutable')
  expect(asset.headers.get('content-type')).toContain('javascript')
  const again = await get('/', { accept: 'text/html', 'if-none-match': (await get('/')).headers.get('etag') ?? '' })
  expect(again.status).toBe(304)
})

test('nothing outside the folder is served', async () => {
  for (const path of ['/../package.json', '/..%2f..%2fetc/passwd', '/assets/../../etc/passwd']) {
    const response = await get(path, { accept: '*/*' })
    expect(response.status).toBe(404)
  }
})

test('compresses what is long, for those who take it', async () => {
  const packed = await get('/assets/large-1a2b.js', { 'accept-encoding': 'gzip, br' })
  expect(packed.headers.get('content-encoding')).toBe('gzip')
  expect(packed.headers.get('vary')).toBe('accept-encoding')
  expect(gunzipSync(await packed.arrayBuffer()).toString()).toContain('aaaa')
  for (const headers of [{ 'accept-encoding': 'identity' }, {}]) {
    const plain = await get('/assets/large-1a2b.js', headers)
    expect(plain.headers.get('content-encoding')).toBeNull()
    expect(await plain.text()).toContain('aaaa')
  }
})
