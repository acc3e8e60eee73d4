import type { SectionData } from '@breeze/contract/agent-inventory'
import { gibibytes } from '../describe-section.ts'
import { type Change, compared, valueChange } from './change.ts'

/** Kernels keep a little more or less of the memory for themselves, and filesystems of a disk. */
const SAME_SIZE = 0.02
const isOtherSize = (before: number, after: number): boolean =>
  Math.abs(after - before) > SAME_SIZE * Math.max(before, after)

const modelText = ({ vendor, model }: SectionData<'identity'>): string | null =>
  vendor === null && model === null ? null : [vendor, model].filter(Boolean).join(' ')
const systemText = ({ name, version }: SectionData<'os'>): string =>
  name.includes(version) ? name : `${name} ${version}`
const processorText = ({ model, cores, threads }: SectionData<'cpu'>): string =>
  `${model}, ${cores} cores, ${threads} threads`
const diskText = ({ totalBytes, filesystem }: SectionData<'disks'>[number]): string =>
  `${gibibytes(totalBytes)} ${filesystem}`

export function identityChanges(before: SectionData<'identity'>, after: SectionData<'identity'>): Change[] {
  return [
    ...valueChange('hardware_changed', 'host name', before.hostname, after.hostname),
    ...valueChange('hardware_changed', 'model', modelText(before), modelText(after)),
    ...valueChange('hardware_changed', 'serial number', before.serial, after.serial),
  ]
}

export function osChanges(before: SectionData<'os'>, after: SectionData<'os'>): Change[] {
  return [
    ...valueChange('os_changed', 'version', systemText(before), systemText(after)),
    ...valueChange('os_changed', 'kernel', before.kernel, after.kernel),
    ...valueChange('os_changed', 'architecture', before.architecture, after.architecture),
  ]
}

export function cpuChanges(before: SectionData<'cpu'>, after: SectionData<'cpu'>): Change[] {
  return valueChange('hardware_changed', 'processor', processorText(before), processorText(after))
}

export function memoryChanges(before: SectionData<'memory'>, after: SectionData<'memory'>): Change[] {
  if (!isOtherSize(before.totalBytes, after.totalBytes)) return []
  return valueChange('hardware_changed', 'memory', gibibytes(before.totalBytes), gibibytes(after.totalBytes))
}

export function diskChanges(before: SectionData<'disks'>, after: SectionData<'disks'>): Change[] {
  const { added, removed, kept } = compared(before, after, (disk) => disk.mount)
  return [
    ...added.map((disk): Change => ({ kind: 'disk_added', subject: disk.mount, before: null, after: diskText(disk) })),
    ...removed.map((disk): Change => ({
      kind: 'disk_removed',
      subject: disk.mount,
      before: diskText(disk),
      after: null,
    })),
    ...kept.flatMap(([was, is]) =>
      isOtherSize(was.totalBytes, is.totalBytes)
        ? valueChange('disk_resized', is.mount, diskText(was), diskText(is))
        : [],
    ),
  ]
}
