import { execFileSync } from 'node:child_process'
import { chmod, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { certificatesSection } from '@breeze/contract/agent-inventory'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { recorded, recordedJson } from '../../test/recorded.ts'
import { linuxCertificates } from '../platform/linux/certificates.ts'
import { parseMacosCertificates } from '../platform/macos/certificates.ts'
import { parseWindowsCertificates } from '../platform/windows/certificates.ts'
import type { Note } from './section.ts'

let root: string
let made: string
beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), 'breeze-certificates-'))
  for (const name of ['site', 'apache', 'mail', 'imap', 'neighbour', 'listed', 'folder']) makeCertificate(name)
  root = join(made, 'root')
  await layOut()
})
afterAll(() => rm(made, { recursive: true }))

const pem = (name: string): string => join(made, `${name}.pem`)

/** Self-signed, each valid for another time. */
function makeCertificate(name: string, days = 20 + name.length): void {
  const subject = `/C=DE/O=Example, Inc./CN=${name}.example.test`
  const algorithm = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'.split(' ')
  const files = ['-keyout', join(made, `${name}.key`), '-out', pem(name)]
  execFileSync('openssl', [...algorithm, '-days', String(days), '-subj', subject, ...files], { stdio: 'ignore' })
}

const put = async (path: string, content: string): Promise<void> => {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), content)
}
const place = async (name: string, path: string): Promise<void> => {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await cp(pem(name), join(root, path))
}

async function layOut(): Promise<void> {
  await place('site', '/etc/letsencrypt/archive/site.example.test/cert7.pem')
  await mkdir(join(root, '/etc/letsencrypt/live/site.example.test'), { recursive: true })
  await symlink(
    '../../archive/site.example.test/cert7.pem',
    join(root, '/etc/letsencrypt/live/site.example.test/cert.pem'),
  )
  // The same certificate, and it is told once.
  await place('site', '/etc/nginx/tls/site.pem')
  await put('/etc/nginx/nginx.conf', 'http {\n  include sites-enabled/*;\n # ssl_certificate /etc/never.pem;\n}')
  await put(
    '/etc/nginx/sites-enabled/site',
    'server { ssl_certificate tls/site.pem; ssl_certificate_key /etc/key.pem; }\nserver { ssl_certificate "/srv/$host.pem"; }',
  )
  await place('apache', '/srv/apache.crt')
  await put('/etc/apache2/apache2.conf', 'IncludeOptional sites-enabled/*.conf\n')
  await put(
    '/etc/apache2/sites-enabled/a.conf',
    '<VirtualHost>\n  SSLCertificateFile "/srv/apache.crt"\n</VirtualHost>',
  )
  await place('mail', '/etc/postfix/mail.pem')
  await put('/etc/postfix/main.cf', 'smtpd_tls_chain_files =\n  $config_directory/mail.pem\n')
  await place('imap', '/etc/dovecot/imap.pem')
  await put('/etc/dovecot/dovecot.conf', '!include conf.d/*.conf\n')
  await put('/etc/dovecot/conf.d/10-ssl.conf', 'ssl_cert = </etc/dovecot/imap.pem\nssl_key = </etc/dovecot/imap.key\n')
  await place('neighbour', '/etc/ssl/certs/neighbour.pem')
  await put('/etc/ssl/private/neighbour.key', 'not read')
  await place('mail', '/etc/ssl/certs/an-authority.pem')
  await place('listed', '/opt/app/server.crt')
  await place('folder', '/opt/more/folder.crt')
  await put('/opt/more/notes.txt', 'nothing')
  await put(
    '/etc/breeze-agent/certificates',
    '# ours\n/opt/app/server.crt\n/opt/more\n/opt/missing.pem\n/opt/broken.pem\n',
  )
  await put('/opt/broken.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
}

async function collect() {
  let note: Note = {}
  const data = await linuxCertificates((more) => (note = more), root)
  const section = { status: 'ok' as const, source: 's', collectedAt: new Date().toISOString(), data }
  expect(certificatesSection.parse(section)).toEqual(section)
  return { data, note }
}

/** As OpenSSL tells it. */
function openssl(name: string) {
  const args = ['-nameopt', 'RFC2253,sep_comma_plus_space', '-dateopt', 'iso_8601', '-subject', '-issuer', '-enddate']
  const text = execFileSync('openssl', [
    'x509',
    '-in',
    pem(name),
    '-noout',
    ...args,
    '-fingerprint',
    '-sha256',
  ]).toString()
  const value = (key: string): string => new RegExp(`^${key}=(.*)$`, 'im').exec(text)?.[1]?.trim() ?? ''
  return {
    subject: value('subject'),
    issuer: value('issuer'),
    notAfter: new Date(value('notAfter').replace(' ', 'T')).toISOString(),
    fingerprint: value('sha256 Fingerprint').replaceAll(':', '').toLowerCase(),
  }
}

test('certificates of servers are found where certbot, settings, keys and the owner’s list name them, as OpenSSL reads them', async () => {
  const { data, note } = await collect()
  expect(data).toEqual([
    { source: '/etc/letsencrypt/live/site.example.test/cert.pem', ...openssl('site') },
    { source: '/srv/apache.crt', ...openssl('apache') },
    { source: '/etc/postfix/mail.pem', ...openssl('mail') },
    { source: '/etc/dovecot/imap.pem', ...openssl('imap') },
    { source: '/etc/ssl/certs/neighbour.pem', ...openssl('neighbour') },
    { source: '/opt/app/server.crt', ...openssl('listed') },
    { source: '/opt/more/folder.crt', ...openssl('folder') },
  ])
  expect(note.detail).toBe('not read: /opt/missing.pem: there is no such file; /opt/broken.pem: it is no certificate')
})

test('a renewed certificate takes the place of the one before', async () => {
  const before = (await collect()).data
  makeCertificate('listed', 90)
  await place('listed', '/opt/app/server.crt')
  const after = (await collect()).data
  const changed = after.filter((item, index) => item.fingerprint !== before[index]?.fingerprint)
  expect(changed).toEqual([{ source: '/opt/app/server.crt', ...openssl('listed') }])
})

test('a bundle of authorities and a file that is not regular are no certificates of a server', async () => {
  const all = Array.from({ length: 11 }, () => recorded('macos/certificates.pem')).join('\n')
  await put('/opt/more/bundle.pem', all)
  execFileSync('mkfifo', [join(root, '/opt/more/pipe.pem')])
  await chmod(join(root, '/opt/more/pipe.pem'), 0o600)
  const { data, note } = await collect()
  expect(data.filter(({ source }) => source.startsWith('/opt/more'))).toHaveLength(1)
  expect(note.detail).toContain('/opt/more/pipe.pem')
})

test('what Windows and macOS print becomes the same items', () => {
  const windows = parseWindowsCertificates(recordedJson('windows/certificates.json'))
  expect(windows).toMatchObject([
    { source: String.raw`Cert:\LocalMachine\My`, subject: 'CN=srv01.contoso.example', issuer: 'CN=Contoso Issuing CA' },
    { subject: 'DNS:names-only.contoso.example', issuer: 'CN=Contoso Issuing CA' },
  ])
  expect(parseWindowsCertificates([])).toEqual([])
  const macos = parseMacosCertificates(recorded('macos/certificates.pem'))
  expect(macos).toMatchObject([
    { source: '/Library/Keychains/System.keychain', subject: 'CN=srv01.contoso.example' },
    { subject: 'DNS:names-only.contoso.example' },
  ])
  expect(macos.map(({ fingerprint }) => fingerprint)).toEqual(windows.map(({ fingerprint }) => fingerprint))
})
