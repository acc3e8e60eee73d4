import { dirname, isAbsolute, join } from 'node:path'
import type { ConfigFiles } from './sshd-config.ts'

/** Where a server's settings name certificate files. */
interface ServerSettings {
  root: string
  /** What a relative path is relative to; without it, the folder of the file that says it. */
  base?: string
  include?: RegExp
  /** Each group 1 one path or several. */
  certificates: RegExp
  prepare?(text: string): string
}

const withoutComments = (text: string): string => text.replaceAll(/^\s*#.*$/gm, '')
/** postconf(5): a line that begins with a space goes on with the one before. */
const unfolded = (text: string): string =>
  withoutComments(text)
    .replaceAll(/\n[ \t]+/g, ' ')
    .replaceAll(/\$\{?config_directory\}?/g, '/etc/postfix')

const APACHE = {
  include: /^\s*Include(?:Optional)?\s+(.+)$/gim,
  certificates: /^\s*SSLCertificateFile\s+(.+)$/gim,
}

const SERVERS: readonly ServerSettings[] = [
  {
    root: '/etc/nginx/nginx.conf',
    base: '/etc/nginx',
    include: /(?:^|[\s;{}])include\s+([^;{}]+);/g,
    certificates: /(?:^|[\s;{}])ssl_certificate\s+([^;{}]+);/g,
  },
  { root: '/etc/apache2/apache2.conf', base: '/etc/apache2', ...APACHE },
  { root: '/etc/httpd/conf/httpd.conf', base: '/etc/httpd', ...APACHE },
  {
    root: '/etc/postfix/main.cf',
    base: '/etc/postfix',
    certificates: /^smtpd?_tls_(?:cert_file|eccert_file|chain_files)\s*=\s*(.*)$/gm,
    prepare: unfolded,
  },
  {
    root: '/etc/dovecot/dovecot.conf',
    include: /^\s*!include(?:_try)?\s+(.+)$/gm,
    // Before 2.4 a value is read from a file where it begins with <.
    certificates: /^\s*ssl_(?:server_)?cert(?:_file)?\s*=\s*<?\s*(.+)$/gm,
  },
]

const MOST_FILES = 300

/** The certificate files that the settings of web and mail servers name, in the order in which they are named. */
export async function configuredCertificates(files: ConfigFiles): Promise<string[]> {
  const found = new Set<string>()
  for (const server of SERVERS) await read(server, server.root, files, found, new Set())
  return [...found]
}

async function read(
  server: ServerSettings,
  path: string,
  files: ConfigFiles,
  found: Set<string>,
  seen: Set<string>,
): Promise<void> {
  if (seen.has(path) || seen.size >= MOST_FILES) return
  seen.add(path)
  const text = await files.read(path)
  if (text === undefined) return
  const settings = (server.prepare ?? withoutComments)(text)
  const absolute = (named: string): string => (isAbsolute(named) ? named : join(server.base ?? dirname(path), named))
  for (const named of paths(settings, server.certificates)) found.add(absolute(named))
  if (!server.include) return
  for (const named of paths(settings, server.include))
    for (const file of await included(absolute(named), files)) await read(server, file, files, found, seen)
}

/** Apache takes a folder for all files in it. */
async function included(pattern: string, files: ConfigFiles): Promise<string[]> {
  const found = await files.glob(pattern)
  return pattern.endsWith('/') ? await files.glob(`${pattern}*`) : found
}

/** What holds a variable of the server's is known to nobody but it. */
function paths(settings: string, pattern: RegExp): string[] {
  return [...settings.matchAll(pattern)]
    .flatMap(([, value = '']) => value.match(/"[^"]*"|[^\s,"]+/g) ?? [])
    .map((path) => path.replaceAll('"', ''))
    .filter((path) => path !== '' && !/[$%]/.test(path))
}
