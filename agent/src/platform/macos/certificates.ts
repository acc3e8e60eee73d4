import { type Certificate, certificateItem, eachOnce, parseCertificates } from '../certificates.ts'
import { lastLine } from '../updates/manager.ts'
import { runProgram } from '../run-program.ts'

const KEYCHAIN = '/Library/Keychains/System.keychain'

/** The machine's own keychain; the one of the trusted roots is another. */
export async function macosCertificates(): Promise<Certificate[]> {
  const { exitCode, stdout, stderr } = await runProgram('security', ['find-certificate', '-a', '-p', KEYCHAIN])
  if (exitCode !== 0) throw new Error(`security failed: ${lastLine(stderr)}`)
  return parseMacosCertificates(stdout)
}

export const parseMacosCertificates = (pem: string): Certificate[] =>
  eachOnce(parseCertificates(Buffer.from(pem)).map((certificate) => certificateItem(KEYCHAIN, certificate)))
