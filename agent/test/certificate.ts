import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Certificate {
  key: string
  cert: string
}

/** Signed by itself, so that it is its own root of trust. */
export function selfSigned(...names: readonly string[]): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'breeze-certificate-'))
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    execFileSync(
      'openssl',
      ['req', '-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-days', '2']
        .concat('-keyout', key, '-out', cert, '-subj', '/CN=breeze test', '-addext')
        .concat(`subjectAltName=${names.join(',')}`),
      { stdio: 'ignore', timeout: 20_000 },
    )
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
