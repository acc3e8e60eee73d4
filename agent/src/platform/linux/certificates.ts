import type { Note } from '../../collectors/section.ts'
import { errorCode } from '../error-code.ts'
import { type Certificate, certificateItem, eachOnce, serverCertificate } from '../certificates.ts'
import { readRegularFile } from '../files.ts'
import { certificateFiles } from './certificate-files.ts'

const MAX_BYTES = 1_000_000
const NAMED = 5

/** `root` is for tests. */
export async function linuxCertificates(tell: ((note: Note) => void) | undefined, root = ''): Promise<Certificate[]> {
  const items: Certificate[] = []
  const problems: string[] = []
  for (const path of await certificateFiles(root)) {
    const found = await readOne(root, path)
    if (typeof found === 'string') problems.push(`${path}: ${found}`)
    else if (found) items.push(found)
  }
  if (problems.length > 0) {
    const more = problems.length > NAMED ? ` and ${problems.length - NAMED} more` : ''
    tell?.({ detail: `not read: ${problems.slice(0, NAMED).join('; ')}${more}` })
  }
  return eachOnce(items)
}

/** Undefined for a store of authorities; a text says why there is nothing to tell. */
async function readOne(root: string, path: string): Promise<Certificate | string | undefined> {
  try {
    const content = await readRegularFile(root + path, MAX_BYTES)
    if (!content) return 'there is no such file'
    const certificate = serverCertificate(content)
    return certificate && certificateItem(path, certificate)
  } catch (error) {
    return errorCode(error) === 'EACCES' ? 'no permission' : 'it is no certificate'
  }
}
