import type { Posture } from '@breeze/contract/agent-inventory'
import { type FindingName, findingOf, type FindingReaders } from './posture/finding.ts'
import { linuxPosture } from './posture/linux.ts'
import { macosPosture } from './posture/macos.ts'
import { windowsPosture } from './posture/windows.ts'
import { type Collector, Unsupported } from './section.ts'

const FINDING_TIMEOUT_MS = 8000
/** PowerShell alone takes seconds to start. */
const SLOW_FINDING_TIMEOUT_MS = 80_000

/** Each finding stands for itself: what can't be read of one says nothing of the others. */
export const posture: Collector<'posture'> = {
  name: 'posture',
  source: 'each finding tells its own',
  platforms: ['linux', 'win32', 'darwin'],
  timeoutMs: process.platform === 'linux' ? FINDING_TIMEOUT_MS + 2000 : SLOW_FINDING_TIMEOUT_MS + 10_000,
  costly: process.platform !== 'linux',
  async collect() {
    const readers = readersOf(process.platform)
    return await readPosture(readers, process.platform === 'linux' ? FINDING_TIMEOUT_MS : SLOW_FINDING_TIMEOUT_MS)
  },
  stable: (data) => data,
}

function readersOf(platform: NodeJS.Platform): FindingReaders {
  switch (platform) {
    case 'linux':
      return linuxPosture()
    case 'win32':
      return windowsPosture()
    case 'darwin':
      return macosPosture()
    default:
      throw new Unsupported(`not supported by this agent on ${platform} yet`)
  }
}

export async function readPosture(readers: FindingReaders, timeoutMs: number): Promise<Posture> {
  const read = <N extends FindingName>(name: N): Promise<Posture[N]> => findingOf<N>(readers[name], timeoutMs)
  const [diskEncryption, firewall, antimalware, ssh, screenLock, timeSync, rebootPending, endOfLife] =
    await Promise.all([
      read('diskEncryption'),
      read('firewall'),
      read('antimalware'),
      read('ssh'),
      read('screenLock'),
      read('timeSync'),
      read('rebootPending'),
      read('endOfLife'),
    ])
  return { diskEncryption, firewall, antimalware, ssh, screenLock, timeSync, rebootPending, endOfLife }
}
