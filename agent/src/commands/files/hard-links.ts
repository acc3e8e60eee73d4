import { FileProblem, type Pinned, type Place } from './place.ts'

/**
 * A file with several names in a folder that others may write to can be anybody's: a local user links somebody else's
 * file there and waits for the agent to change what it takes for that user's.
 */
export async function checkLinks({ stats }: Pinned, place: Place): Promise<void> {
  if (!stats.isFile() || stats.nlink < 2) return
  const folder = await place.folder.stat()
  const othersWrite = (folder.mode & 0o022) !== 0 || folder.uid !== 0
  if (othersWrite && stats.uid !== folder.uid) {
    throw new FileProblem('The file has further names and belongs to somebody else than its folder')
  }
}
