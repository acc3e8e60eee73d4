import { Button } from '../../ui/button.tsx'
import { number } from '../../ui/time.ts'
import type { ToolListState } from '../tool-queries.ts'

/** "4 keys", and whether what is shown could not be refreshed. */
export function ListCount({ list, one, many }: { list: ToolListState<unknown>; one: string; many: string }) {
  if (list.total === undefined) return null
  return (
    <span role="status" className="whitespace-nowrap">
      {list.atLeast && 'more than '}
      {number(list.total)} {list.total === 1 ? one : many}
      {list.stale && ' · not refreshed: the server does not answer'}
    </span>
  )
}

export const MoreRows = ({ list }: { list: ToolListState<unknown> }) =>
  list.more && (
    <div className="p-2 text-center">
      <Button size="sm" busy={list.loadingMore && 'Loading…'} onClick={list.more}>
        Show more
      </Button>
    </div>
  )
