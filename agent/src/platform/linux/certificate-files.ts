import { glob, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { filesOf, readRegularFile, unlessMissing } from '../files.ts'
import { configuredCertificates } from './server-settings.ts'

/** One path a line, files or folders; `#` begins a comment. */
export const CERTIFICATE_LIST = '/etc/breeze-agent/certificates'

const MOST_FILES = 2000
const MAX_BYTES = 1_000_000
const CERTIFICATE = /\.(?:pem|crt|cer|cert)$/i
/** Folder of keys → folders in which the certificate of the same name may lie. */
const KEY_FOLDERS: Readonly<Record<string, readonly string[]>> = {
  '/etc/ssl/private': ['/etc/ssl/private', '/etc/ssl', '/etc/ssl/certs'],
  '/etc/pki/tls/private': ['/etc/pki/tls/private', '/etc/pki/tls/certs'],
}

/**
 * Files that may hold a certificate of a server on this machine: what certbot keeps, what web and mail servers name in
 * their settings, what lies beside a private key, and what the machine's owner lists. The trust store is none of them.
 */
export async function certificateFiles(root: string): Promise<string[]> {
  const files = {
    read: async (path: string) => (await readRegularFile(root + path, MAX_BYTES))?.toString('utf8'),
    glob: async (pattern: string) => {
      const found = await Array.fromAsync(glob(root + pattern))
      return found.sort().map((path) => path.slice(root.length))
    },
  }
  const all = [
    ...(await files.glob('/etc/letsencrypt/live/*/cert.pem')),
    ...(await configuredCertificates(files)),
    ...(await besideKeys(root)),
    ...(await listed(root)),
  ]
  return [...new Set(all)].slice(0, MOST_FILES)
}

async function besideKeys(root: string): Promise<string[]> {
  const found: string[] = []
  for (const [keys, folders] of Object.entries(KEY_FOLDERS)) {
    const stems = (await filesOf(root + keys)).map((name) => basename(name).replace(/\.[^.]+$/, ''))
    const wanted = new Set(stems)
    for (const folder of folders) {
      for (const name of await filesOf(root + folder))
        if (CERTIFICATE.test(name) && wanted.has(name.replace(CERTIFICATE, ''))) found.push(join(folder, name))
    }
  }
  return found.sort()
}

async function listed(root: string): Promise<string[]> {
  const text = (await readRegularFile(root + CERTIFICATE_LIST, MAX_BYTES))?.toString('utf8') ?? ''
  const paths = text
    .split('\n')
    .map((line) => line.replace(/#.*$/, '').trim())
    .filter((line) => line.startsWith('/'))
  const each = await Promise.all(
    paths.map(async (path) => {
      const isFolder = (await unlessMissing(stat(root + path)))?.isDirectory() ?? false
      if (!isFolder) return [path]
      const names = (await filesOf(root + path)).filter((name) => CERTIFICATE.test(name))
      return names.sort().map((name) => join(path, name))
    }),
  )
  return each.flat()
}
