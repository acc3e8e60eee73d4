import { stat } from 'node:fs/promises'
import type { SoftwareItem } from '@breeze/contract/agent-inventory'
import { clip } from '../../collectors/section.ts'
import { unlessMissing } from '../files.ts'

/** One package database of the system. */
export interface PackageManager {
  readonly source: SoftwareItem['source']
  /** Differs after every change of the database; undefined where the system has no such database. */
  fingerprint(): Promise<string | undefined>
  read(): Promise<SoftwareItem[]>
}

export interface RawItem {
  source: SoftwareItem['source']
  name: string
  version: string
  architecture?: string | undefined
  sourcePackage?: string | undefined
  sourceVersion?: string | undefined
  publisher?: string | undefined
  installedAt?: string | undefined
  sizeBytes?: number | undefined
}

/** Within the contract's bounds, without what is not known. */
export function softwareItem(raw: RawItem): SoftwareItem {
  const {
    source,
    name,
    version,
    architecture = '',
    sourcePackage,
    sourceVersion,
    publisher,
    installedAt,
    sizeBytes,
  } = raw
  const size = sizeBytes !== undefined && Number.isSafeInteger(sizeBytes) && sizeBytes >= 0 ? sizeBytes : undefined
  return {
    source,
    name: clip(name, 300),
    version: clip(version, 200),
    architecture: clip(architecture, 40),
    ...(sourcePackage && { sourcePackage: clip(sourcePackage, 300) }),
    ...(sourceVersion && { sourceVersion: clip(sourceVersion, 200) }),
    ...(publisher && { publisher: clip(publisher, 200) }),
    ...(installedAt !== undefined && { installedAt }),
    ...(size !== undefined && { sizeBytes: size }),
  }
}

/** Seconds since 1970, as most databases write it. */
export function timeOfSeconds(text: string | number | undefined): string | undefined {
  const seconds = Number(text)
  // Later than a date can be is no time.
  return Number.isFinite(seconds) && seconds > 0 && seconds < 1e11 ? new Date(seconds * 1000).toISOString() : undefined
}

/** `Debian Adduser Developers <adduser@…>` is for people: only the name. */
export function personName(text: string | undefined): string | undefined {
  return text?.replace(/\s*<[^>]*>/, '').trim() || undefined
}

/** Of the first path that exists. */
export async function fileFingerprint(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const found = await unlessMissing(stat(path, { bigint: true }))
    if (found) return `${path} ${found.ino} ${found.size} ${found.mtimeNs}`
  }
  return undefined
}
