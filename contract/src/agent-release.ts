/**
 * Releases of the agent: what a device is told of a newer build before it fetches it. The server signs the exact bytes of
 * `payload`, under a context of its own, with a key that signs commands.
 */
import * as z from 'zod'

/** `GET /agent/v1/release/<sha256>` with the ticket of the order as bearer: the build with that digest, and no other ever. */
export const AGENT_RELEASE_PATH = '/agent/v1/release'
export const MAX_RELEASE_BYTES = 32 * 1024 * 1024

const version = z.string().regex(/^\d{1,5}\.\d{1,5}\.\d{1,5}$/)
const time = z.iso.datetime()

export const releaseManifest = z.object({
  v: z.literal(1),
  version,
  /** Of the build, in hex. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  sizeBytes: z.number().int().min(1).max(MAX_RELEASE_BYTES),
  /** Agents older than this can't be updated to it in one step. */
  updatesFrom: version,
  issuedAt: time,
  expiresAt: time,
})
export type ReleaseManifest = z.infer<typeof releaseManifest>

export const signedManifest = z.object({
  keyId: z.string().max(64),
  payload: z.string().max(4096),
  signature: z.string().max(100),
})
export type SignedManifest = z.infer<typeof signedManifest>

/** The bytes the server signs for a manifest. */
export function releaseMessage(payload: string): string {
  return `breeze-agent-release-v1\n${payload}`
}

/** What a build answers when it is asked with `--release`. */
export const buildFacts = z.object({ version, updatesFrom: version })

export const isReleaseVersion = (text: string): boolean => version.safeParse(text).success

/** Negative where `one` is the older. Both must be release versions. */
export function compareVersions(one: string, other: string): number {
  const [a, b] = [numbersOf(one), numbersOf(other)]
  const at = a.findIndex((number, index) => number !== b[index])
  return at === -1 ? 0 : (a[at] ?? 0) - (b[at] ?? 0)
}

const numbersOf = (text: string): number[] => version.parse(text).split('.').map(Number)
