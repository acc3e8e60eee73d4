import type { SectionData } from '@breeze/contract/agent-inventory'
import { type Change, compared } from './change.ts'

type Certificate = SectionData<'certificates'>[number]

const said = ({ notAfter, issuer }: Certificate): string => `valid until ${notAfter.slice(0, 10)}, by ${issuer}`
const subjectOf = ({ subject, source }: Certificate): string => `${subject} (${source})`

/** One that takes the place of another with the same name in the same place has renewed it. */
export function certificateChanges(before: SectionData<'certificates'>, after: SectionData<'certificates'>): Change[] {
  const { added, removed } = compared(before, after, ({ fingerprint }) => fingerprint)
  const gone = Map.groupBy(removed, subjectOf)
  const changes = added.map((certificate): Change => {
    const subject = subjectOf(certificate)
    const replaced = gone.get(subject)?.pop()
    return replaced
      ? { kind: 'certificate_renewed', subject, before: said(replaced), after: said(certificate) }
      : { kind: 'certificate_added', subject, before: null, after: said(certificate) }
  })
  const left = [...gone.values()].flat()
  return [
    ...changes,
    ...left.map((certificate): Change => {
      return { kind: 'certificate_removed', subject: subjectOf(certificate), before: said(certificate), after: null }
    }),
  ]
}
