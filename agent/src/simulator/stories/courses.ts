import type { Facts } from '../facts.ts'
import type { Course } from '../measured.ts'

const ROOM_PERCENT = 74

/** The system's disk this full, from that time on; with room before. */
export function diskAt({ disks }: Facts, percent: number, from: Date): Course {
  return (at) => ({
    disks: disks.map(({ mount, totalBytes }, index) => {
      const used = index > 0 ? 40 : at >= from ? percent : Math.min(percent - 4, ROOM_PERCENT)
      return { mount, usedPercent: used, totalBytes, availableBytes: Math.floor((totalBytes * (100 - used)) / 100) }
    }),
  })
}

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

/** Several at once; the later ones win where they say something of the same. */
export const together =
  (...courses: readonly Course[]): Course =>
  (at) =>
    Object.assign({}, ...courses.map((course) => course(at)))
