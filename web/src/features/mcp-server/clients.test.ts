import { describe, expect, test } from 'vitest'
import { CLIENTS, clientById, cursorLink, mcpUrl, outOfReach, vscodeLink, type Step } from './clients.ts'

const ADDRESS = 'https://breeze.example/api/v1/mcp'
const at = { url: ADDRESS, key: null }
const withKey = { url: ADDRESS, key: 'brz_secret' }

/** Everything of these steps that a person copies or opens. */
const taken = (steps: readonly Step[] | undefined): string[] =>
  (steps ?? []).flatMap(({ code, field, link }) =>
    [code?.text, field?.value, link?.href].filter((text) => text !== undefined),
  )
const oauth = (id: string): string[] => taken(clientById(id)?.oauth?.(at))
const key = (id: string): string[] => taken(clientById(id)?.key?.(withKey))

test('every client of the requirements has a card', () => {
  expect(CLIENTS.map(({ name }) => name)).toEqual([
    'Claude.ai',
    'Claude Desktop',
    'Claude Code',
    'ChatGPT',
    'Codex',
    'Cursor',
    'VS Code',
    'Gemini CLI',
    'Windsurf',
    'Any other client',
  ])
})

describe('with sign-in by OAuth', () => {
  test('the terminal clients take one command', () => {
    expect(oauth('claude-code')).toEqual([`claude mcp add --transport http breeze ${ADDRESS}`])
    expect(oauth('codex')).toEqual([`codex mcp add breeze --url ${ADDRESS}`])
    expect(oauth('gemini-cli')).toEqual([`gemini mcp add --transport http -s user breeze ${ADDRESS}`])
  })

  test.each(['claude-ai', 'claude-desktop'])('%s opens with name and address filled in', (id) => {
    expect(oauth(id)).toContain(
      'https://claude.ai/customize/connectors?modal=add-custom-connector&connectorName=Breeze&connectorUrl=https%3A%2F%2Fbreeze.example%2Fapi%2Fv1%2Fmcp',
    )
  })

  test('Cursor is installed by a link that holds its configuration, and shows the same as a file', () => {
    const link = new URL(cursorLink(at))
    expect(link.protocol).toBe('cursor:')
    expect(link.searchParams.get('name')).toBe('breeze')
    expect(JSON.parse(atob(link.searchParams.get('config') ?? ''))).toEqual({ url: ADDRESS })
    const file = oauth('cursor').find((text) => text.startsWith('{'))
    expect(JSON.parse(file ?? '')).toEqual({ mcpServers: { breeze: { url: ADDRESS } } })
  })

  test('VS Code is installed by a link, a command or a file', () => {
    const link = vscodeLink(at)
    expect(link).toMatch(/^vscode:mcp\/install\?/)
    expect(JSON.parse(decodeURIComponent(link.slice(link.indexOf('?') + 1)))).toEqual({
      name: 'breeze',
      type: 'http',
      url: ADDRESS,
    })
    expect(oauth('vscode')).toContain(`code --add-mcp '{"name":"breeze","type":"http","url":"${ADDRESS}"}'`)
    const file = oauth('vscode').find((text) => text.includes('servers'))
    expect(JSON.parse(file ?? '')).toEqual({ servers: { breeze: { type: 'http', url: ADDRESS } } })
  })

  test('Windsurf calls the address serverUrl', () => {
    expect(JSON.parse(oauth('windsurf')[0] ?? '')).toEqual({ mcpServers: { breeze: { serverUrl: ADDRESS } } })
  })
})

describe('with a key', () => {
  test('the terminal clients take it in the command', () => {
    expect(key('claude-code')).toEqual([
      `claude mcp add --transport http breeze ${ADDRESS} --header "X-API-Key: brz_secret"`,
    ])
    expect(key('gemini-cli')).toEqual([
      `gemini mcp add --transport http -s user -H "X-API-Key: brz_secret" breeze ${ADDRESS}`,
    ])
  })

  test('Codex, Cursor and Windsurf read it from the environment, so that no file holds it', () => {
    for (const id of ['codex', 'cursor', 'windsurf']) {
      const [file, variable] = key(id)
      expect(file).not.toContain('brz_secret')
      expect(variable).toBe('export BREEZE_KEY=brz_secret')
    }
    expect(key('codex')[0]).toBe(
      `[mcp_servers.breeze]\nurl = "${ADDRESS}"\nenv_http_headers = { "X-API-Key" = "BREEZE_KEY" }`,
    )
  })

  test('VS Code asks for it', () => {
    const file = JSON.parse(key('vscode')[0] ?? '')
    expect(file.servers.breeze.headers).toEqual({ 'X-API-Key': '${input:breeze-key}' })
    expect(file.inputs[0]).toMatchObject({ id: 'breeze-key', password: true })
  })

  test('Claude Desktop needs a bridge, for its file knows no remote servers', () => {
    const { breeze } = JSON.parse(key('claude-desktop')[0] ?? '').mcpServers
    expect(breeze.args).toEqual(['-y', 'mcp-remote', ADDRESS, '--header', 'X-API-Key:${KEY}'])
    expect(breeze.env).toEqual({ KEY: 'brz_secret' })
  })

  test('the hosted clients take none', () => {
    expect(clientById('claude-ai')?.key).toBeNull()
    expect(clientById('chatgpt')?.key).toBeNull()
  })

  test('without one, the place to put it is named', () => {
    expect(taken(clientById('claude-code')?.key?.(at))[0]).toContain('X-API-Key: YOUR_API_KEY')
  })
})

test('the address is that of the server, however its own was written', () => {
  expect(mcpUrl('https://breeze.example/')).toBe(ADDRESS)
})

test.each([
  ['http://127.0.0.1:8080', 'loopback'],
  ['http://localhost:8080', 'loopback'],
  ['http://[::1]:8080', 'loopback'],
  ['http://breeze.lan', 'insecure'],
  ['https://breeze.example', null],
])('hosted clients and %s: %s', (url, why) => expect(outOfReach(url)).toBe(why))
