/**
 * Programs whose description we carry with us. Their own documents are not always to be had from a server (several sites
 * refuse what is no browser), and they change rarely. Compared by the exact URL.
 */
export interface KnownClient {
  id: string
  name: string
  redirectUris: readonly string[]
}

export const KNOWN_CLIENTS: readonly KnownClient[] = [
  {
    id: 'https://claude.ai/oauth/mcp-oauth-client-metadata',
    name: 'Claude',
    redirectUris: ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'],
  },
  {
    id: 'https://claude.ai/oauth/claude-code-client-metadata',
    name: 'Claude Code',
    redirectUris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
  },
  {
    id: 'https://chatgpt.com/oauth/client.json',
    name: 'ChatGPT',
    redirectUris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
  },
  {
    id: 'https://chatgpt.com/oauth/codex/client.json',
    name: 'Codex',
    redirectUris: ['http://127.0.0.1/callback', 'http://localhost/callback'],
  },
  {
    id: 'https://vscode.dev/oauth/client-metadata.json',
    name: 'Visual Studio Code',
    redirectUris: ['http://127.0.0.1:33418/', 'http://127.0.0.1:33418', 'https://vscode.dev/redirect'],
  },
  {
    id: 'https://zed.dev/oauth/client-metadata.json',
    name: 'Zed',
    redirectUris: ['http://127.0.0.1/callback'],
  },
  {
    id: 'https://goose-docs.ai/oauth/client-metadata.json',
    name: 'Goose',
    redirectUris: ['http://127.0.0.1/oauth_callback', 'http://[::1]/oauth_callback'],
  },
  {
    id: 'https://opencode.ai/oauth/opencode/client.json',
    name: 'OpenCode',
    redirectUris: ['http://127.0.0.1/callback', 'http://127.0.0.1/mcp/oauth/callback'],
  },
]

const byId = new Map(KNOWN_CLIENTS.map((client) => [client.id, client]))

/** ChatGPT also has one document per connector, each with its own way back. */
const CHATGPT_CONNECTOR = /^https:\/\/chatgpt\.com\/oauth\/([A-Za-z0-9_-]{1,128})\/client\.json$/

export function knownClient(id: string): KnownClient | null {
  const known = byId.get(id)
  if (known) return known
  const connector = CHATGPT_CONNECTOR.exec(id)?.[1]
  if (connector === undefined) return null
  return { id, name: 'ChatGPT', redirectUris: [`https://chatgpt.com/connector/oauth/${connector}`] }
}
