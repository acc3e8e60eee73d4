/**
 * How each AI client is connected: its own commands, files and links, with this server's address filled in. Pure, so that
 * tests hold the exact text. Sources: each vendor's documentation as of November 2026.
 */

/** What the steps are filled in with. Without a key, they hold `YOUR_API_KEY`. */
export interface Filling {
  url: string
  key: string | null
}

export interface Step {
  /** Words between backticks are what a machine reads. */
  title: string
  note?: string
  code?: { what: string; text: string }
  field?: { label: string; value: string }
  link?: { label: string; href: string; oneClick?: boolean }
}

export interface Client {
  id: string
  name: string
  about: string
  badge?: 'One-click install' | 'Opens prefilled'
  /** It connects from its vendor's servers: an address that only this network knows is out of its reach. */
  hosted?: boolean
  needs?: string
  oauth: ((at: Filling) => Step[]) | null
  key: ((at: Filling) => Step[]) | null
}

/** The server's name in every client: no underscore, which one of them splits names at. */
export const NAME = 'breeze'

const json = (value: unknown): string => JSON.stringify(value, null, 2)
const keyOf = ({ key }: Filling): string => key ?? 'YOUR_API_KEY'
const utf8 = (text: string): string => btoa(String.fromCodePoint(...new TextEncoder().encode(text)))

const APPROVE: Step = {
  title: 'Choose organizations and scopes, then Approve',
  note: 'Start with `ai:read`. You can widen it later; that makes a new grant beside this one.',
}

const claudeLink = ({ url }: Filling): string =>
  `https://claude.ai/customize/connectors?modal=add-custom-connector&connectorName=Breeze&connectorUrl=${encodeURIComponent(url)}`

const claudeConnector = (at: Filling): Step[] => [
  {
    title: 'Open Claude with this server filled in',
    link: { label: 'Open Claude', href: claudeLink(at) },
    note: 'By hand: Customize → Connectors → Add → Add custom connector, name Breeze, and this URL. In Team and Enterprise an owner adds it under Organization settings → Connectors.',
    field: { label: 'URL', value: at.url },
  },
  { title: 'Press Add, then Connect, and sign in to Breeze' },
  APPROVE,
]

const cursorConfig = ({ url }: Filling) => ({ url })
const vscodeConfig = ({ url }: Filling) => ({ type: 'http', url })

export const cursorLink = (at: Filling): string =>
  `cursor://anysphere.cursor-deeplink/mcp/install?name=${NAME}&config=${encodeURIComponent(utf8(JSON.stringify(cursorConfig(at))))}`

export const vscodeLink = (at: Filling): string =>
  `vscode:mcp/install?${encodeURIComponent(JSON.stringify({ name: NAME, ...vscodeConfig(at) }))}`

export const CLIENTS: readonly Client[] = [
  {
    id: 'claude-ai',
    name: 'Claude.ai',
    about: 'Web and mobile. Paste the URL, sign in',
    badge: 'Opens prefilled',
    hosted: true,
    oauth: claudeConnector,
    key: null,
  },
  {
    id: 'claude-desktop',
    name: 'Claude Desktop',
    about: 'Connectors, same account as Claude.ai',
    badge: 'Opens prefilled',
    hosted: true,
    oauth: claudeConnector,
    key: (at) => [
      {
        title: 'Add this to `claude_desktop_config.json`',
        note: 'macOS: `~/Library/Application Support/Claude/`. Windows: `%APPDATA%\\Claude\\`. It needs Node.js: Claude Desktop reads no remote servers from this file, so a bridge runs on this computer.',
        code: {
          what: 'configuration',
          text: json({
            mcpServers: {
              [NAME]: {
                command: 'npx',
                args: ['-y', 'mcp-remote', at.url, '--header', 'X-API-Key:${KEY}'],
                env: { KEY: keyOf(at) },
              },
            },
          }),
        },
      },
      { title: 'Quit Claude Desktop and start it again' },
    ],
  },
  {
    id: 'claude-code',
    name: 'Claude Code',
    about: 'One command, then /mcp to sign in',
    needs: 'Takes about a minute. Needs version 2.1 or newer.',
    oauth: ({ url }) => [
      {
        title: 'Run this in a terminal',
        code: { what: 'command', text: `claude mcp add --transport http ${NAME} ${url}` },
      },
      {
        title: `In Claude Code, type \`/mcp\`, choose \`${NAME}\` and then Authenticate`,
        note: `Your browser opens Breeze. On a machine without one, use \`claude mcp login ${NAME} --no-browser\`.`,
      },
      APPROVE,
    ],
    key: (at) => [
      {
        title: 'Run this in a terminal',
        code: {
          what: 'command',
          text: `claude mcp add --transport http ${NAME} ${at.url} --header "X-API-Key: ${keyOf(at)}"`,
        },
      },
      { title: 'In Claude Code, type `/mcp`: it says connected' },
    ],
  },
  {
    id: 'chatgpt',
    name: 'ChatGPT',
    about: 'Developer mode, custom MCP server',
    hosted: true,
    oauth: ({ url }) => [
      {
        title: 'On the web, turn on Developer mode under Settings → Security and login',
        note: 'Which plans may change things through a custom server, and not only read, is up to OpenAI.',
      },
      {
        title: 'Under Settings → Connectors press +, then Add custom MCP server',
        note: 'Name Breeze, this URL, authentication OAuth.',
        field: { label: 'URL', value: url },
        link: { label: 'Open Connectors', href: 'https://chatgpt.com/#settings/Connectors' },
      },
      { title: 'Accept the risk, press Create, and sign in to Breeze' },
      { ...APPROVE, note: 'After a change of scopes press Refresh there and begin a new chat: the list is kept.' },
    ],
    key: null,
  },
  {
    id: 'codex',
    name: 'Codex',
    about: 'One command, browser sign-in',
    oauth: ({ url }) => [
      {
        title: 'Run this in a terminal',
        code: { what: 'command', text: `codex mcp add ${NAME} --url ${url}` },
        note: `Your browser opens Breeze. If it does not: \`codex mcp login ${NAME}\`.`,
      },
      APPROVE,
    ],
    key: (at) => [
      {
        title: 'Add this to `~/.codex/config.toml`',
        code: {
          what: 'configuration',
          text: `[mcp_servers.${NAME}]\nurl = "${at.url}"\nenv_http_headers = { "X-API-Key" = "BREEZE_KEY" }`,
        },
      },
      {
        title: 'Set the key where Codex is started',
        code: { what: 'variable', text: `export BREEZE_KEY=${keyOf(at)}` },
      },
    ],
  },
  {
    id: 'cursor',
    name: 'Cursor',
    about: 'Adds itself, then sign in',
    badge: 'One-click install',
    oauth: (at) => [
      {
        title: 'Add it to Cursor',
        link: { label: 'One-click install', href: cursorLink(at), oneClick: true },
        note: 'Or put this into `~/.cursor/mcp.json`, or `.cursor/mcp.json` of a project.',
        code: { what: 'configuration', text: json({ mcpServers: { [NAME]: cursorConfig(at) } }) },
      },
      { title: `In Cursor's settings, sign in at \`${NAME}\`` },
      APPROVE,
    ],
    key: (at) => [
      {
        title: 'Add this to `~/.cursor/mcp.json`',
        code: {
          what: 'configuration',
          text: json({
            mcpServers: { [NAME]: { url: at.url, headers: { 'X-API-Key': '${env:BREEZE_KEY}' } } },
          }),
        },
      },
      {
        title: 'Set the key where Cursor is started',
        code: { what: 'variable', text: `export BREEZE_KEY=${keyOf(at)}` },
      },
    ],
  },
  {
    id: 'vscode',
    name: 'VS Code',
    about: 'Adds itself to mcp.json',
    badge: 'One-click install',
    oauth: (at) => [
      {
        title: 'Add it to VS Code',
        link: { label: 'One-click install', href: vscodeLink(at), oneClick: true },
        note: 'Or put this into `.vscode/mcp.json`, or run MCP: Open User Configuration and put it there.',
        code: { what: 'configuration', text: json({ servers: { [NAME]: vscodeConfig(at) } }) },
      },
      {
        title: 'Or run this in a terminal',
        code: {
          what: 'command',
          text: `code --add-mcp '${JSON.stringify({ name: NAME, ...vscodeConfig(at) })}'`,
        },
      },
      { ...APPROVE, title: 'Start the server, allow the sign-in, then choose scopes and Approve' },
    ],
    key: (at) => [
      {
        title: 'Add this to `.vscode/mcp.json`',
        note: 'VS Code asks for the key once and keeps it: nothing secret is in the file.',
        code: {
          what: 'configuration',
          text: json({
            inputs: [{ type: 'promptString', id: 'breeze-key', description: 'Breeze API key', password: true }],
            servers: { [NAME]: { ...vscodeConfig(at), headers: { 'X-API-Key': '${input:breeze-key}' } } },
          }),
        },
      },
      { title: 'Start the server and paste the key', field: { label: 'Key to paste', value: keyOf(at) } },
    ],
  },
  {
    id: 'gemini-cli',
    name: 'Gemini CLI',
    about: 'One command, /mcp auth',
    oauth: ({ url }) => [
      {
        title: 'Run this in a terminal',
        code: { what: 'command', text: `gemini mcp add --transport http -s user ${NAME} ${url}` },
      },
      { title: `In Gemini CLI, type \`/mcp auth ${NAME}\``, note: 'Your browser opens Breeze.' },
      APPROVE,
    ],
    key: (at) => [
      {
        title: 'Run this in a terminal',
        code: {
          what: 'command',
          text: `gemini mcp add --transport http -s user -H "X-API-Key: ${keyOf(at)}" ${NAME} ${at.url}`,
        },
      },
    ],
  },
  {
    id: 'windsurf',
    name: 'Windsurf',
    about: 'Paste a block into mcp_config.json',
    oauth: ({ url }) => [
      {
        title: 'Add this to `~/.codeium/windsurf/mcp_config.json`',
        note: 'Newer versions (Devin Desktop): `~/.config/devin/mcp_config.json`, on Windows `%APPDATA%\\devin\\mcp_config.json`.',
        code: { what: 'configuration', text: json({ mcpServers: { [NAME]: { serverUrl: url } } }) },
      },
      { title: 'Refresh the list of servers there, and sign in to Breeze' },
      APPROVE,
    ],
    key: (at) => [
      {
        title: 'Add this to `~/.codeium/windsurf/mcp_config.json`',
        note: 'Newer versions (Devin Desktop): `~/.config/devin/mcp_config.json`, on Windows `%APPDATA%\\devin\\mcp_config.json`.',
        code: {
          what: 'configuration',
          text: json({
            mcpServers: { [NAME]: { serverUrl: at.url, headers: { 'X-API-Key': '${env:BREEZE_KEY}' } } },
          }),
        },
      },
      {
        title: 'Set the key where Windsurf is started',
        code: { what: 'variable', text: `export BREEZE_KEY=${keyOf(at)}` },
      },
    ],
  },
  {
    id: 'other',
    name: 'Any other client',
    about: 'Streamable HTTP, OAuth or X-API-Key',
    oauth: ({ url }) => [
      {
        title: 'Give it this URL, transport Streamable HTTP',
        field: { label: 'URL', value: url },
        note: `Everything else it finds by itself. Clients that only know the older HTTP+SSE transport take \`${url}/sse\`.`,
      },
      APPROVE,
    ],
    key: (at) => [
      {
        title: 'Give it this URL, transport Streamable HTTP',
        field: { label: 'URL', value: at.url },
        note: `Clients that only know the older HTTP+SSE transport take \`${at.url}/sse\`.`,
      },
      {
        title: 'Add one of these headers',
        code: {
          what: 'headers',
          text: `X-API-Key: ${keyOf(at)}\nAuthorization: Bearer ${keyOf(at)}`,
        },
      },
    ],
  },
]

export const clientById = (id: string): Client | undefined => CLIENTS.find((client) => client.id === id)

export const mcpUrl = (publicUrl: string): string => `${publicUrl.replace(/\/+$/, '')}/api/v1/mcp`

/** What keeps hosted clients from reaching the server; null when nothing does that can be seen from its address. */
export function outOfReach(publicUrl: string): 'loopback' | 'insecure' | null {
  const { hostname, protocol } = new URL(publicUrl)
  if (hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')) return 'loopback'
  return protocol === 'https:' ? null : 'insecure'
}
