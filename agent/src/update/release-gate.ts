import {
  compareVersions,
  isReleaseVersion,
  type ReleaseManifest,
  releaseManifest,
  releaseMessage,
  type SignedManifest,
} from '@breeze/contract/agent-release'
import type { ServerKey } from '@breeze/contract/agent-protocol'
import { verifyText } from '../device-key.ts'
import type { Versions } from './versions.ts'

export interface ReleaseContext {
  serverKeys: readonly ServerKey[]
  /** By the server's clock. */
  now: number
  /** The version that runs. */
  running: string
  versions: Versions
  /** Tries a build again that was rolled back here. */
  force: boolean
}

export type ReleaseDecision = { manifest: ReleaseManifest } | { refused: string }

/** Whether a release may be tried here. The signature comes first: until it is proven nothing of the rest is believed. */
export function judgeRelease(signed: SignedManifest, context: ReleaseContext): ReleaseDecision {
  const key = context.serverKeys.find(({ id }) => id === signed.keyId)
  if (!key || !verifyText(key.publicKey, releaseMessage(signed.payload), signed.signature))
    return { refused: 'the manifest of the release is not signed by this device’s server' }
  const parsed = releaseManifest.safeParse(parseJson(signed.payload))
  if (!parsed.success) return { refused: 'the manifest of the release is malformed' }
  const reason = objection(parsed.data, context)
  return reason === undefined ? { manifest: parsed.data } : { refused: reason }
}

function objection(manifest: ReleaseManifest, { now, running, versions, force }: ReleaseContext): string | undefined {
  const { version, sha256, updatesFrom, issuedAt, expiresAt } = manifest
  if (Date.parse(expiresAt) <= now || Date.parse(expiresAt) <= Date.parse(issuedAt))
    return 'the manifest of the release has expired'
  if (!isReleaseVersion(running)) return `the version that runs here, ${running}, is none that can be compared`
  if (compareVersions(running, updatesFrom) < 0)
    return `${version} can't follow ${running} in one step: it needs at least ${updatesFrom}`
  const highest =
    versions.highest !== null && compareVersions(versions.highest, running) > 0 ? versions.highest : running
  if (compareVersions(version, highest) <= 0) return `${version} is not newer than ${highest}, which ran here before`
  const bad = versions.bad.find((one) => one.version === version)
  if (bad && bad.sha256 !== sha256)
    return `another build of ${version} was tried here before: a new build needs a new version`
  if (bad && !force) return `${version} was rolled back here before: ${bad.reason}`
  return undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Whatever is not JSON fails the schema.
    return undefined
  }
}
