import type { ComponentProps } from 'react'
import { DataTable } from '../../ui/data-table.tsx'
import type { ToolListState } from '../tool-queries.ts'
import { MoreRows } from './list-foot.tsx'

type TableProps<Row> = Omit<ComponentProps<typeof DataTable<Row>>, 'rows' | 'error' | 'onRetry' | 'after'>

interface ToolTableProps<Row> extends TableProps<Row> {
  list: ToolListState<Row>
  /** Where the page shows other rows than those that the tool answered. */
  rows?: readonly Row[] | undefined
}

/** The table of one tool's list: its rows, how it failed, and the way to more of them. */
export const ToolTable = <Row,>({ list, rows = list.rows, ...table }: ToolTableProps<Row>) => (
  <DataTable {...table} rows={rows} error={list.error} onRetry={list.retry} after={<MoreRows list={list} />} />
)
