/** What a start prints: how to reach the server, how to sign in, how to connect an assistant, and what is in force. */
import { isLoopback, type Config } from './config.ts'
import type { Installation } from './installation.ts'
import { VERSION } from './version.ts'

export interface BannerFacts {
  config: Config
  url: string
  publicUrl: string
  installation: Installation
  /** A read-only key made at the first start, shown once. */
  starterKey: string | null
  /** Tools of tier 3, by name. */
  executeTools: readonly string[]
  database: string
  localAgent: boolean
  milliseconds: number
}

export function banner(facts: BannerFacts): string {
  const mcp = `${facts.publicUrl}/api/v1/mcp`
  const rows: [string, string][] = [
    ['Console', facts.publicUrl],
    ['Sign-in', facts.installation.adminEmail],
    ...(facts.installation.oneTimePassword
      ? [['Password', `${facts.installation.oneTimePassword}   (shown this once)`] as [string, string]]
      : []),
    ...(facts.installation.setupToken
      ? [
          ['Set-up', `${facts.publicUrl}/setup#${facts.installation.setupToken}   (until somebody signs in)`] as [
            string,
            string,
          ],
        ]
      : []),
    ['MCP URL', mcp],
    ['Data folder', facts.config.dataDir],
    ['Database', facts.database],
    [
      'Local agent',
      facts.localAgent
        ? 'on: this machine is a device of the organization "Breeze server"'
        : 'off (BREEZE_LOCAL_AGENT)',
    ],
    ['Mode', modeText(facts)],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  return [
    '',
    `Breeze ${VERSION} is ready (${(facts.milliseconds / 1000).toFixed(1)} s).`,
    '',
    ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    '',
    ...connectLines(facts, mcp),
    '',
    'Stop with Ctrl-C.',
    '',
  ].join('\n')
}

function connectLines(facts: BannerFacts, mcp: string): string[] {
  const add = (key: string): string => `  claude mcp add --transport http breeze ${mcp} --header "X-API-Key: ${key}"`
  if (facts.starterKey) {
    return [
      'Connect Claude Code with this read-only key (shown this once):',
      add(facts.starterKey),
      'A key that may also run scripts:',
      '  npx breeze key create "Claude Code" --scopes ai:execute --partner --expires 30d',
    ]
  }
  return [
    'Connect Claude Code with a key of yours:',
    add('brz_…'),
    'Make a key:',
    '  npx breeze key create "Claude Code" --scopes ai:execute --partner --expires 30d',
  ]
}

const named = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '))

function modeText({ config, executeTools, publicUrl }: BannerFacts): string {
  const allowed = config.executeAllowList
  const may =
    allowed === 'all'
      ? 'all tier-3 tools'
      : `of the tier-3 tools: ${named(executeTools.filter((tool) => allowed.has(tool)))}`
  const admin = config.requireExecuteAdmin ? '; ai:execute_admin required' : ''
  if (config.mode === 'production')
    return `production; keys and grants may call ${may}${admin} (MCP_EXECUTE_TOOL_ALLOWLIST)`
  const refused = [
    `tier-3 tools by key or grant (${named(executeTools)}) until MCP_EXECUTE_TOOL_ALLOWLIST names them`,
    ...(publicUrl.startsWith('http:') && !isLoopback(new URL(publicUrl).hostname) ? ['agents over plain http'] : []),
  ]
  return `development; keys and grants may call ${may}${admin}. Production would refuse ${refused.join(' and ')}`
}
