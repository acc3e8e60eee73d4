import type { SoftwareDifference } from '../section-changes.ts'
import type { Change } from './change.ts'

type Named = SoftwareDifference['added'][number]
/** Of one package for several architectures, which one. */
const subjectOf = ({ name, architecture }: Pick<Named, 'name' | 'architecture'>): string =>
  architecture === '' ? name : `${name} (${architecture})`

export function softwareChanges({ added, removed, updated }: SoftwareDifference): Change[] {
  return [
    ...added.map((item) => ({
      kind: 'software_added' as const,
      subject: subjectOf(item),
      before: null,
      after: item.version,
    })),
    ...removed.map((item) => ({
      kind: 'software_removed' as const,
      subject: subjectOf(item),
      before: item.version,
      after: null,
    })),
    ...updated.map((item) => ({
      kind: 'software_updated' as const,
      subject: subjectOf(item),
      before: item.from,
      after: item.to,
    })),
  ]
}
