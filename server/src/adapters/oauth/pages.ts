/** Pages for what the console can't show: what went wrong with an authorization, and the ways back to a program. */
import { createHash } from 'node:crypto'
import type { Context } from 'hono'
import { html, raw } from 'hono/html'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { HttpEnv } from '../http/types.ts'

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1.25rem;color:#1c2430;background:#fff}' +
  'h1{font-size:1.375rem;line-height:1.3}a{color:#0b5cad}code{overflow-wrap:anywhere}small{color:#55606e}' +
  '@media (prefers-color-scheme:dark){body{color:#e6eaf0;background:#14181f}a{color:#7db7f5}small{color:#9aa5b3}}'
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

interface Page {
  title: string
  lines: readonly string[]
  link?: { to: string; text: string }
  /** Follows the link by itself. */
  follow?: boolean
}

export function page(
  context: Context<HttpEnv>,
  status: ContentfulStatusCode,
  shown: Page,
): Response | Promise<Response> {
  const reference = context.get('requestId')
  const { link } = shown
  return context.html(
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width" />
          <meta name="robots" content="noindex" />
          ${link && shown.follow ? html`<meta http-equiv="refresh" content="0;url=${link.to}" />` : ''}
          <title>${shown.title} · Breeze</title>
          <style>
            ${raw(STYLE)}
          </style>
        </head>
        <body>
          <main>
            <h1>${shown.title}</h1>
            ${shown.lines.map((line) => html`<p>${line}</p>`)}
            ${link ? html`<p><a href="${link.to}" rel="noreferrer">${link.text}</a></p>` : ''}
            <p><small>Reference: ${reference}</small></p>
          </main>
        </body>
      </html>`,
    status,
    { 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer' },
  )
}
