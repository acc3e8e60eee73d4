/** Shorthands in which the files of frameworks are written. */
import { ATTESTATION, type Control, type Measure } from './framework.ts'

type More = Pick<Control, 'severity' | 'devices'>

const assessed =
  (measure: Measure) =>
  (id: string, title: string, checks: string | readonly string[], statement: string, more: More = {}): Control => ({
    id,
    title,
    measure,
    checks: typeof checks === 'string' ? [checks] : checks,
    statement,
    ...more,
  })

export const measured = assessed('measured')
export const partly = assessed('partly')

export const attested = (id: string, title: string, statement = ATTESTATION): Control => ({
  id,
  title,
  measure: 'attestation',
  checks: [],
  statement,
})
