import { logFiles } from '../linux/log-files.ts'
import { fileFingerprint } from '../packages/manager.ts'

/** Of the newest file: after a rotation there is none of the plain name until the next entry. */
export async function logFingerprint(path: string): Promise<string | undefined> {
  const [newest] = (await logFiles(path)) ?? []
  return newest === undefined ? undefined : await fileFingerprint([newest])
}
