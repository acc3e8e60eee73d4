/** The console's pages: files that the build made, read once. Addresses of the console all answer with the same document. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { extname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { Hono } from 'hono'
import type { HttpEnv } from '../http/types.ts'

/** Scripts, styles, fonts and requests of this very origin; nothing of anybody else's, nothing inline, in nobody's frame. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}
/** Their names hold a digest of their content. */
const HASHED = /^\/assets\//
/** Addresses that are not the console's, whatever a browser accepts there. */
const NOT_PAGES = /^\/(?:api|oauth|agent|\.well-known|healthz|readyz|metrics)(?:\/|$)/

interface File {
  body: Uint8Array<ArrayBuffer>
  type: string
  etag: string
  /** Made when it is first asked for. The same for everybody and without a secret, so that its length tells nothing. */
  compressed?: Promise<Uint8Array<ArrayBuffer>>
}

const compress = promisify(gzip)
/** Fonts are compressed in themselves, and what is this small gains nothing. */
const WORTH_IT = 1024

/** `folder`: where the build left the pages. Without them, the addresses answer that there are none. */
export function consolePages(folder: string): Hono<HttpEnv> {
  const files = readFiles(folder)
  const app = new Hono<HttpEnv>()
  app.get('*', async (context, next) => {
    const path = context.req.path
    const asset = files.get(path)
    const file = asset ?? (isPage(path, context.req.header('accept')) ? files.get('/index.html') : undefined)
    if (!file) return next()
    const headers = {
      'content-type': file.type,
      'cache-control': HASHED.test(path) && asset ? 'public, max-age=31536000, immutable' : 'no-cache',
      'content-security-policy': POLICY,
      // The consent page's own requests must name their origin: without it, a browser sends `null`.
      'referrer-policy': 'same-origin',
      vary: 'accept-encoding',
      etag: file.etag,
    }
    if (context.req.header('if-none-match') === file.etag) return context.body(null, 304, headers)
    if (!isWorthIt(file) || !/\bgzip\b/.test(context.req.header('accept-encoding') ?? ''))
      return context.body(file.body, 200, headers)
    file.compressed ??= compress(file.body).then((body) => new Uint8Array(body))
    return context.body(await file.compressed, 200, { ...headers, 'content-encoding': 'gzip' })
  })
  return app
}

const isWorthIt = ({ body, type }: File): boolean => body.byteLength > WORTH_IT && type !== TYPES['.woff2']

const isPage = (path: string, accept: string | undefined): boolean =>
  !NOT_PAGES.test(path) && extname(path) === '' && (accept ?? '').includes('text/html')

function readFiles(folder: string): Map<string, File> {
  const files = new Map<string, File>()
  if (!statSync(folder, { throwIfNoEntry: false })) return files
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const type = TYPES[extname(entry.name)]
    if (!entry.isFile() || type === undefined) continue
    const path = join(entry.parentPath, entry.name)
    const body = new Uint8Array(readFileSync(path))
    // Weak: compressed or not, it stands for the same content.
    const etag = `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
    files.set(`/${relative(folder, path).replaceAll('\\', '/')}`, { body, type, etag })
  }
  return files
}
