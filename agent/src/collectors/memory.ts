import { need, parseMeminfo, readText } from '../platform/linux.ts'
import type { Collector } from './section.ts'

export const memory: Collector<'memory'> = {
  name: 'memory',
  source: '/proc/meminfo',
  platforms: ['linux'],
  async collect() {
    const values = parseMeminfo(await readText('/proc/meminfo'))
    return {
      totalBytes: need(values, 'MemTotal'),
      availableBytes: need(values, 'MemAvailable'),
      swapTotalBytes: need(values, 'SwapTotal'),
      swapFreeBytes: need(values, 'SwapFree'),
    }
  },
  stable: ({ totalBytes, swapTotalBytes }) => ({ totalBytes, swapTotalBytes }),
}
