/** Pages for what the console can't show: what went wrong with an authorization, and the ways back to a program. */
import { createHash } from 'node:crypto'
import type { Context } from 'hono'
import { html, raw } from 'hono/html'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { HttpEnv } from '../http/types.ts'

/** The console's colours: these pages stand between its own. */
const STYLE =
  'body{font:14px/1.45 "Inter Variable",Inter,system-ui,sans-serif;max-width:376px;margin:16vh auto;padding:0 16px;color:#162024;background:#f4f6f7}' +
  'h1{font-size:24px;line-height:32px;font-weight:610;margin:0 0 4px}p{margin:0 0 12px;color:#485358}small{font-size:12px;color:#5b656a}' +
  'a{color:#006574;font-weight:520}code,small{overflow-wrap:anywhere}' +
  '@media (prefers-color-scheme:dark){body{color:#e6eaeb;background:#0b0f11}p{color:#a9b1b4}small{color:#899296}a{color:#5aced9}}'
/** One piece: a space more between its marks, and it would not be what the policy allows. */
const STYLE_ELEMENT = raw(`<style>${STYLE}</style>`)
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
          ${STYLE_ELEMENT}
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
