import { CERTIFICATE_LIST } from '../platform/linux/certificate-files.ts'
import { linuxCertificates } from '../platform/linux/certificates.ts'
import type { Collector } from './section.ts'

export const certificates: Collector<'certificates'> = {
  name: 'certificates',
  source: `/etc/letsencrypt, settings of web and mail servers, /etc/ssl, ${CERTIFICATE_LIST}`,
  platforms: ['linux'],
  timeoutMs: 20_000,
  collect: (tell) => linuxCertificates(tell),
  stable: (data) => data,
}
