import { listDevices } from '../server/src/domains/devices/list.ts'

export interface HotStatement {
  name: string
  text: string
  values: unknown[]
}

const refuse = (): Promise<never> => Promise.reject(new Error('the first page is one named statement'))

/** The statement that the tool's own code makes of `list_devices` without a filter, 25 rows. */
export async function hotStatement(): Promise<HotStatement> {
  const made: HotStatement[] = []
  const prepared = async (name: string, text: string, values: unknown[]): Promise<never[]> => {
    made.push({ name, text, values })
    return []
  }
  const tx = { all: refuse, first: refuse, run: refuse, prepared, afterCommit: () => undefined }
  await listDevices(tx, {}, { limit: 25 })
  const [statement] = made
  if (!statement) throw new Error('list_devices asked nothing')
  return statement
}
