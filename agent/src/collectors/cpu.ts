import { readdir } from 'node:fs/promises'
import { readText, readTextIfPresent } from '../platform/linux.ts'
import { clip, type Collector } from './section.ts'

const CPUS = '/sys/devices/system/cpu'

export const cpu: Collector<'cpu'> = {
  name: 'cpu',
  source: `/proc/cpuinfo, ${CPUS}`,
  platforms: ['linux'],
  async collect() {
    const info = await readText('/proc/cpuinfo')
    const threads = info.match(/^processor\s*:/gm)?.length ?? 0
    if (threads === 0) throw new Error('/proc/cpuinfo lists no processor')
    return { model: clip(modelName(info), 200), threads, ...(await topology()) }
  },
  stable: (data) => data,
}

/** ARM kernels give no name, only the numbers of the implementer and the part. */
function modelName(info: string): string {
  const value = (key: string) => new RegExp(`^${key}\\s*:\\s*(.+)$`, 'm').exec(info)?.[1]
  const named = value('model name') ?? value('Processor')
  if (named !== undefined) return named
  const implementer = value('CPU implementer')
  const part = value('CPU part')
  if (implementer === undefined || part === undefined) throw new Error('/proc/cpuinfo names no processor model')
  return `implementer ${implementer}, part ${part}`
}

async function topology(): Promise<{ sockets: number; cores: number }> {
  const sockets = new Set<string>()
  const cores = new Set<string>()
  for (const name of await readdir(CPUS)) {
    if (!/^cpu\d+$/.test(name)) continue
    const socket = await readTextIfPresent(`${CPUS}/${name}/topology/physical_package_id`)
    const core = await readTextIfPresent(`${CPUS}/${name}/topology/core_id`)
    // A CPU that is offline has no topology.
    if (socket === undefined || core === undefined) continue
    sockets.add(socket)
    cores.add(`${socket}/${core}`)
  }
  if (sockets.size === 0) throw new Error('The kernel tells no CPU topology')
  return { sockets: sockets.size, cores: cores.size }
}
