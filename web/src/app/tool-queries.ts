/** Reading and acting by tools, for the pages: lists by the page, acts that refresh what they changed. */
import {
  infiniteQueryOptions,
  keepPreviousData,
  type UseMutationResult,
  useInfiniteQuery,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query'
import { toast } from '../ui/toasts.ts'
import { api } from './api.ts'
import { isGivenUp, useAct } from './held.tsx'
import { refusalText } from './refusal-text.ts'

/** What every list answers, beside its rows. */
export interface ListPage {
  total: number
  total_is_lower_bound?: boolean
  next_cursor?: string
}

const PAGE = 50
const FRESH_MS = 10_000

/** A list by the page. Its key begins with the tool's name, which is what acts refresh. */
export const toolList = <Page extends ListPage>(tool: string, filter: object = {}) =>
  infiniteQueryOptions({
    queryKey: [tool, filter],
    queryFn: ({ pageParam }) =>
      api.tool<Page>(tool, { ...filter, limit: PAGE, ...(pageParam !== '' && { cursor: pageParam }) }),
    initialPageParam: '',
    getNextPageParam: (page: Page) => page.next_cursor,
    placeholderData: keepPreviousData,
    staleTime: FRESH_MS,
    retry: false,
  })

/** The rows that are here, and how to get more. `rows` is undefined while the first page loads. */
export function useToolList<Page extends ListPage, Row>(
  options: ReturnType<typeof toolList<Page>>,
  rowsOf: (page: Page) => readonly Row[],
) {
  const found = useInfiniteQuery(options)
  const last = found.data?.pages.at(-1)
  return {
    rows: found.data?.pages.flatMap(rowsOf),
    /** The last page, for what it tells besides its rows. */
    last,
    total: last?.total,
    atLeast: last?.total_is_lower_bound === true,
    error: found.error,
    stale: found.isRefetchError,
    retry: () => void found.refetch(),
    more: found.hasNextPage ? () => void found.fetchNextPage() : undefined,
    loadingMore: found.isFetchingNextPage,
  }
}
export type ToolListState<Row> = ReturnType<typeof useToolList<ListPage, Row>>

interface ActOptions<Input, Answer> {
  /** Tools whose answers are other ones afterwards. */
  refresh: readonly string[]
  /** What the toast says. Left out where the page itself shows it. */
  said?: (answer: Answer, input: Input) => string
  /** The plan is shown even where the policy would let the call through at once. */
  planFirst?: boolean
  /** The refusal goes to a toast: for acts without a dialog that could show it. */
  loud?: boolean
  onDone?: (answer: Answer, input: Input) => void
  /** It may be that what was acted on is not what it was. */
  onRefused?: () => void
}

export function useToolAct<Input extends object, Answer>(tool: string, options: ActOptions<Input, Answer>) {
  const act = useAct()
  const queries = useQueryClient()
  const mutation = useMutation({
    mutationFn: (input: Input) => act<Answer>(tool, input, { planFirst: options.planFirst }),
    onSuccess: (answer, input) => {
      for (const name of options.refresh) void queries.invalidateQueries({ queryKey: [name] })
      const title = options.said?.(answer, input)
      if (title !== undefined) toast({ title })
      options.onDone?.(answer, input)
    },
    onError: (error) => {
      if (isGivenUp(error)) return
      if (options.loud) toast({ tone: 'error', title: refusalText(error) })
      options.onRefused?.()
    },
  })
  return shown(mutation)
}

/** What a dialog shows of its act. What the person gave up themselves is no refusal. */
export function shown<Answer, Input>(mutation: UseMutationResult<Answer, Error, Input>) {
  const failed = mutation.error !== null && !isGivenUp(mutation.error)
  return {
    run: mutation.mutate,
    busy: mutation.isPending,
    refusal: failed ? refusalText(mutation.error) : undefined,
    reset: mutation.reset,
  }
}
