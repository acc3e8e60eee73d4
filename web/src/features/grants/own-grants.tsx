import { Link } from '@tanstack/react-router'
import { ToolTable } from '../../app/layout/tool-table.tsx'
import { withheld } from '../../app/permissions.ts'
import { useSession } from '../../app/session.ts'
import { useToolList } from '../../app/tool-queries.ts'
import { grantColumns, isOver } from './grant-columns.tsx'
import { type GrantPage, grants } from './grants.ts'
import { mayBlock } from './grants-page.tsx'
import { useCut } from './use-cut.ts'

/** The signed-in's own, below the cards with which they were connected. */
export function OwnGrants() {
  const session = useSession()
  const list = useToolList(grants({ user: 'me', state: ['active'] }), (page: GrantPage) => page.grants)
  const { rows, cut, onRevoked } = useCut(list.rows)
  const acts = {
    off: withheld(session, 'keys.write'),
    mayBlock: mayBlock(session),
    cut,
    onRevoked,
    living: (rows ?? []).filter((grant) => !isOver(grant, cut)),
  }
  return (
    <section aria-labelledby="own-grants">
      <div className="mt-8 mb-2 flex items-baseline justify-between gap-4">
        <h2 id="own-grants" className="text-16 font-semi">
          Connected clients
        </h2>
        <Link to="/settings/connected-clients" className="link">
          All OAuth Grants
        </Link>
      </div>
      <ToolTable
        caption="Your connected clients"
        columns={grantColumns(acts).filter(({ id }) => id !== 'user' && id !== 'organizations')}
        list={list}
        rows={rows}
        rowKey={(grant) => grant.id}
        height="two"
        flush
        gone={(grant) => isOver(grant, cut)}
        empty={
          <p className="border-t border-line py-3 text-text-3">None of yours yet. They appear here once you approve.</p>
        }
      />
    </section>
  )
}
