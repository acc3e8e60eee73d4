/** The page at `/`: says that Breeze runs and how to connect. Self-contained; nothing is loaded from elsewhere. */
import { createHash } from 'node:crypto'

const STYLE = `
:root{color-scheme:light dark;--ink:#16202a;--soft:#5a6b7b;--paper:#f6f8fa;--card:#fff;--line:#d8e0e8;--accent:#0b6bcb}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#93a4b5;--paper:#0d1319;--card:#151d26;--line:#2a3644;--accent:#6cb2ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 system-ui,sans-serif}
main{max-width:44rem;margin:0 auto;padding:4rem 1.25rem}
h1{font-size:1.75rem;margin:0 0 .25rem}
h2{font-size:1.05rem;margin:2rem 0 .5rem}
p{margin:.5rem 0}
.soft{color:var(--soft)}
pre,.url{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.75rem 1rem;overflow-x:auto;font:14px/1.5 ui-monospace,monospace}
code{font:inherit}
p code{font:14px ui-monospace,monospace;color:var(--accent)}
`

/** Allows this page's one style sheet and nothing else. */
export const LANDING_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

export function landingPage(publicUrl: string, version: string): string {
  const url = escape(`${publicUrl.replace(/\/$/, '')}/api/v1/mcp`)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Breeze</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Breeze is running</h1>
<p class="soft">Version ${escape(version)}. This page only tells you how to connect; it is not the console.</p>
<h2>Server URL</h2>
<p class="url">${url}</p>
<h2>Connect Claude Code</h2>
<p>Create an API key on the server's machine with <code>breeze key create</code>, then run:</p>
<pre><code>claude mcp add --transport http breeze ${url} \\
  --header "X-API-Key: brz_your_key"</code></pre>
<h2>Any other client</h2>
<p>Choose Streamable HTTP, use the server URL above, and send the key as <code>X-API-Key</code> or as
<code>Authorization: Bearer brz_…</code>.</p>
</main>
</body>
</html>
`
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
