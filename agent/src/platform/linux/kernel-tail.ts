import { bootTime, readText } from '../linux.ts'
import type { TailSource } from '../log-tail.ts'
import { bootId } from '../machine.ts'
import { KERNEL_RING, readKernelRecords } from './kernel-ring.ts'

/** The ring of this boot; what the last one wrote went with it. */
export const kernelTail: TailSource = async () => ({
  source: `kernel ring buffer (${KERNEL_RING})`,
  read: async (position) => {
    const boot = bootId()
    const records = readKernelRecords(bootTime(await readText('/proc/stat')))
    const [before, sequence = '-1'] = position?.split(':') ?? []
    // Another boot: all of this one is new.
    const after = before === boot ? Number(sequence) : -1
    const end = records.at(-1)?.sequence ?? after
    const entries = position === undefined ? [] : records.filter((record) => record.sequence > after)
    return { entries: entries.map((record) => record.entry), position: `${boot}:${end}` }
  },
})
