import { chmodSync, copyFileSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, existsSync } from 'node:fs'
import { join } from 'node:path'

const leftOut = /\.a$|^pkgconfig$|^pgxs$|^include$/

/**
 * Copies PostgreSQL's programs into the cluster's folder, readable for every account, once per version.
 *
 * @returns the folder of the copy
 */
export function copyNative(native: string, clusterDir: string, log: (line: string) => void): string {
  const { version } = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')) as { version: string }
  const target = join(clusterDir, `native-${version}`)
  if (existsSync(target)) return target
  log(`copying PostgreSQL's programs to ${target}, because they cannot be used where they were installed`)
  const fresh = join(clusterDir, `native-fresh-${process.pid}`)
  rmSync(fresh, { recursive: true, force: true })
  copyFolder(native, fresh)
  // Renamed when whole: a crash half-way leaves nothing that looks like a copy.
  renameSync(fresh, target)
  removeOthers(clusterDir, `native-${version}`)
  return target
}

function copyFolder(from: string, to: string): void {
  mkdirSync(to)
  chmodSync(to, 0o755)
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (leftOut.test(entry.name)) continue
    const source = join(from, entry.name)
    const target = join(to, entry.name)
    if (entry.isDirectory()) copyFolder(source, target)
    if (!entry.isFile()) continue
    copyFileSync(source, target)
    // Installed under a strict umask, the originals may be closed to everyone else.
    chmodSync(target, from.endsWith('/bin') ? 0o755 : 0o644)
  }
}

function removeOthers(clusterDir: string, kept: string): void {
  for (const name of readdirSync(clusterDir)) {
    if (name.startsWith('native-') && name !== kept) rmSync(join(clusterDir, name), { recursive: true, force: true })
  }
}
