/** What became different, from a section's content before and after. */
import { inventorySections, type SectionData } from '@breeze/contract/agent-inventory'
import { COMPARED, type SectionChange } from '../section-changes.ts'
import { certificateChanges } from './certificates.ts'
import type { Change } from './change.ts'
import { cpuChanges, diskChanges, identityChanges, memoryChanges, osChanges } from './hardware.ts'
import { networkChanges } from './network.ts'
import { postureChanges } from './posture.ts'
import { serviceChanges } from './services.ts'
import { softwareChanges } from './software.ts'
import { userChanges } from './users.ts'

type Compared = (typeof COMPARED)[number]

const DIFFERENCES: { [N in Compared]: (before: SectionData<N>, after: SectionData<N>) => Change[] } = {
  identity: identityChanges,
  os: osChanges,
  cpu: cpuChanges,
  memory: memoryChanges,
  disks: diskChanges,
  network: networkChanges,
  services: serviceChanges,
  users: userChanges,
  posture: postureChanges,
  certificates: certificateChanges,
}

const isCompared = (name: string): name is Compared => COMPARED.some((compared) => compared === name)

/** A first report is no change, and neither is a failure to read. */
export function changesOf({ section, before, after, software }: SectionChange): Change[] {
  if (software) return softwareChanges(software)
  if (!isCompared(section) || before?.data === undefined || after.data === undefined) return []
  return differences(section, before.data, after.data)
}

function differences<N extends Compared>(section: N, before: unknown, after: unknown): Change[] {
  const schema = inventorySections.shape[section].shape.data
  // What an older agent reported may lack what is asked for now.
  const [was, is] = [schema.safeParse(before).data, schema.safeParse(after).data]
  // The schema of this very name was just applied; the union over names can't say so.
  return was && is ? DIFFERENCES[section](was as SectionData<N>, is as SectionData<N>) : []
}
