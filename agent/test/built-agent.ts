import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { releaseMessage, type SignedManifest } from '@breeze/contract/agent-release'
import { signText } from '../src/device-key.ts'
import type { SigningKey } from './stub-server.ts'

export interface BuiltAgent {
  path: string
  version: string
  sha256: string
  bytes: Buffer
}

/** What goes wrong with a build: text that runs before anything else of it. */
export const BREAKAGE = {
  none: '',
  /** Passes its self-test, and ends whenever it is to work. */
  crashes: "if (process.argv.includes('--state') && !process.argv.includes('--self-test')) process.exit(9);",
  /** Passes its self-test, and looks for its server in the wrong place. */
  isLost:
    "if (!process.argv.includes('--self-test') && process.argv.includes('--server')) process.argv[process.argv.indexOf('--server') + 1] = 'http://127.0.0.1:9';",
  failsSelfTest:
    "if (process.argv.includes('--self-test')) { console.error('it does not start here'); process.exit(5); }",
} as const
export type Breakage = keyof typeof BREAKAGE

/** The agent of this repository as one file, as another version of itself. */
export async function buildAgent(folder: string, version: string, breakage: Breakage = 'none'): Promise<BuiltAgent> {
  const path = join(folder, `agent-${version}-${breakage}.cjs`)
  await build({
    entryPoints: [join(import.meta.dirname, '../src/bin.ts')],
    outfile: path,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    logLevel: 'error',
    minify: true,
    banner: { js: BREAKAGE[breakage] },
    plugins: [
      {
        name: 'version',
        setup: (builder) =>
          void builder.onLoad({ filter: /agent\/src\/version\.ts$/ }, () => ({
            contents: `export const AGENT_VERSION = '${version}'; export const UPDATES_FROM = '0.1.0'`,
          })),
      },
    ],
  })
  const bytes = readFileSync(path)
  return { path, version, sha256: createHash('sha256').update(bytes).digest('hex'), bytes }
}

/** As its server would sign it, but for what is given. */
export function manifestOf(
  { version, sha256, bytes }: Pick<BuiltAgent, 'version' | 'sha256' | 'bytes'>,
  { id, key }: SigningKey,
  more: Record<string, unknown> = {},
): SignedManifest {
  const now = Date.now()
  const payload = JSON.stringify({
    v: 1,
    version,
    sha256,
    sizeBytes: bytes.length,
    updatesFrom: '0.1.0',
    issuedAt: new Date(now).toISOString(),
    expiresAt: new Date(now + 3_600_000).toISOString(),
    ...more,
  })
  return { keyId: id, payload, signature: signText(key, releaseMessage(payload)) }
}
