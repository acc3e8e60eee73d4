/** The policies that a tenant table may have, as PostgreSQL writes them back. Any other fails the test until it is named here. */

const MINE = '(organization_id = ANY (( SELECT breeze_organizations())))'
const WHOLE = '(organization_id = ANY (( SELECT breeze_whole_organizations())))'
const PARTNER = '(partner_id = ( SELECT breeze_partner()))'
const SHARED = '((organization_id IS NULL) AND ( SELECT breeze_partner_wide()))'

/** Who sees and writes the rows of a tenant table; with a site where it has one. */
export const RECOGNISED = [
  `(${WHOLE} OR (site_id = ANY (( SELECT breeze_sites()))))`,
  `(${PARTNER} AND (${MINE} OR ${SHARED}))`,
]

const OPERATIONS = `(${PARTNER} AND (organization_ids <@ ( SELECT breeze_organizations())) AND ((organization_ids <> '{}') OR ( SELECT breeze_partner_wide())) AND ((organization_ids <@ ( SELECT breeze_whole_organizations())) OR (NOT (EXISTS ( SELECT FROM unnest(operations.site_ids) touched(id) WHERE (NOT (EXISTS ( SELECT FROM sites s WHERE (s.id = touched.id)))))))))`
const LIBRARY = `(${PARTNER} AND ((organization_id IS NULL) OR ${MINE}))`
const ofOperation = (table: string): string =>
  `(${PARTNER} AND (EXISTS ( SELECT FROM operations o WHERE (o.id = ${table}.operation_id))))`

/** Tables whose policy is their own: who sees a row, and who may write it (empty: nobody writes, or the same). */
export const SPECIAL: Readonly<Record<string, [string, string]>> = {
  approvals: [ofOperation('approvals'), ofOperation('approvals')],
  audit_entries: [`(${PARTNER} AND (${WHOLE} OR ${SHARED}))`, ''],
  operations: [OPERATIONS, OPERATIONS],
  organizations: ['(id = ANY (( SELECT breeze_organizations())))', `(${PARTNER} AND ( SELECT breeze_partner_wide()))`],
  rollouts: [ofOperation('rollouts'), ofOperation('rollouts')],
  tasks: [ofOperation('tasks'), ofOperation('tasks')],
  script_runs: [ofOperation('script_runs'), ofOperation('script_runs')],
  // What is for every organization is read by all of the partner's.
  scripts: [LIBRARY, `(${PARTNER} AND (${MINE} OR ${SHARED}))`],
  script_versions: [LIBRARY, `(${PARTNER} AND (${MINE} OR ${SHARED}))`],
  sites: [`(${WHOLE} OR (id = ANY (( SELECT breeze_sites()))))`, WHOLE],
}
