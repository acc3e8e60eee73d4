import { X509Certificate } from 'node:crypto'
import * as z from 'zod'
import { type Certificate, certificateItem, eachOnce } from '../certificates.ts'
import { asArray, runPowershell } from './powershell.ts'

const STORE = String.raw`Cert:\LocalMachine\My`
const SCRIPT = `
Get-ChildItem -Path '${STORE}' | Where-Object { -not $_.PSIsContainer } |
  ForEach-Object { [pscustomobject]@{ Raw = [Convert]::ToBase64String($_.RawData) } } | ConvertTo-Json -Compress`

export async function windowsCertificates(): Promise<Certificate[]> {
  return parseWindowsCertificates(await runPowershell(SCRIPT))
}

const entry = z.object({ Raw: z.base64() })

export function parseWindowsCertificates(value: unknown): Certificate[] {
  const certificates = asArray(value).map((raw) => new X509Certificate(Buffer.from(entry.parse(raw).Raw, 'base64')))
  return eachOnce(certificates.map((certificate) => certificateItem(STORE, certificate)))
}
