/** Pages for what the console can't show: what went wrong with an authorization, and the ways back to a program. */
import { createHash } from 'node:crypto'
import type { Context } from 'hono'
import { html, raw } from 'hono/html'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { HttpEnv } from '../http/types.ts'

/** The console's colours: these pages stand between its own. */
const STYLE =
  'body{font:14px/1.45 "Inter Variable",Inter,system-ui,sans-serif;box-sizing:border-box;max-width:408px;min-height:100dvh;margin:0 auto;padding:24px 16px;display:grid;grid-template-rows:1fr auto;align-items:center;color:#162024;background:#f4f6f7}' +
  'header{display:flex;align-items:center;gap:12px;margin-bottom:28px;font-weight:610}svg{width:28px;height:28px;color:#006574}' +
  'footer{text-align:center;font-size:12px;color:#5b656a}' +
  'h1{font-size:24px;line-height:32px;font-weight:610;margin:0 0 12px}p{margin:0 0 12px;color:#485358}small{font-size:12px;color:#5b656a}' +
  'a{color:#006574;font-weight:520}code,small{overflow-wrap:anywhere}' +
  '@media (prefers-color-scheme:dark){body{color:#e6eaeb;background:#0b0f11}p{color:#a9b1b4}small,footer{color:#899296}a,svg{color:#5aced9}}' +
  '@media (max-width:640px){body{align-items:start}}'
/** One piece: a space more between its marks, and it would not be what the policy allows. */
const STYLE_ELEMENT = raw(`<style>${STYLE}</style>`)
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const MARK =
  raw(`<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" aria-hidden="true">
  <path d="M3 8.5h11.2a3 3 0 1 0-2.7-4.3" /><path d="M3 13h15.2a3 3 0 1 1-2.7 4.3" /><path d="M3 17.5h6" /></svg>`)

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
            <header>${MARK} Breeze</header>
            <h1>${shown.title}</h1>
            ${shown.lines.map((line) => html`<p>${line}</p>`)}
            ${link ? html`<p><a href="${link.to}" rel="noreferrer">${link.text}</a></p>` : ''}
            <p>
              <small>Reference <code>${reference}</code> · it is in the server log</small>
            </p>
          </main>
          <footer>${new URL(context.req.url).host}</footer>
        </body>
      </html>`,
    status,
    { 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer' },
  )
}
