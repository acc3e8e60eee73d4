import type { Facts } from '../facts.ts'
import type { Course } from '../measured.ts'
import type { SimulatedDevice } from '../simulated-device.ts'

const ROOM_PERCENT = 74

/** Its system's disk is this full since then, in what it measures and in what it says of itself. `since`: as told from. */
export function fillDisk(device: SimulatedDevice, percent: number, from: Date, since: Date): void {
  const { facts } = device
  device.follow(diskAt(facts, percent, from), since)
  const disks = facts.disks.map((disk, index) => ({ ...disk, ...(index === 0 && room(disk.totalBytes, percent)) }))
  device.tell('disks', disks, from)
}

/** The system's disk this full, from that time on; with room before. */
function diskAt({ disks }: Facts, percent: number, from: Date): Course {
  return (at) => ({
    disks: disks.map(({ mount, totalBytes }, index) => {
      const used = index > 0 ? 40 : at >= from ? percent : Math.min(percent - 4, ROOM_PERCENT)
      return { mount, totalBytes, ...room(totalBytes, used) }
    }),
  })
}

const room = (totalBytes: number, usedPercent: number) => ({
  usedPercent,
  availableBytes: Math.floor((totalBytes * (100 - usedPercent)) / 100),
})

/** Busy from that time on, by one process. */
export function busy({ memory }: Facts, process: string, from: Date): Course {
  return (at) => {
    if (at < from) return {}
    const minute = Math.floor(at.getTime() / 60_000)
    return {
      cpuPercent: 94 + (minute % 5),
      topProcesses: [
        { name: process, pid: 4120, cpuPercent: 350 + (minute % 40), memoryBytes: Math.floor(memory.totalBytes / 8) },
        { name: 'System', pid: 4, cpuPercent: 3, memoryBytes: 1_200_000 },
      ],
    }
  }
}
