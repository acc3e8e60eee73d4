import { type FocusEvent, type KeyboardEvent, type ReactNode, useLayoutEffect, useRef } from 'react'
import { cx } from './cx.ts'
import { useLater } from './later.ts'
import { FailedState } from './state-view.tsx'

export interface Column<Row> {
  id: string
  head: ReactNode
  /** For those who hear the page, where the head shows nothing. */
  headLabel?: string
  /** CSS width; the column without one takes what is left. */
  width?: string
  align?: 'right'
  /** Left out on a phone. */
  phone?: false
  /** Left out below 1024 pixels, where the name would have no room left. */
  narrow?: false
  cell: (row: Row) => ReactNode
}

interface DataTableProps<Row> {
  /** What it lists, for those who hear the page, and in "… did not load". */
  caption: string
  columns: readonly Column<Row>[]
  /** Undefined while they load the first time. */
  rows: readonly Row[] | undefined
  rowKey: (row: Row) => string
  error?: unknown
  onRetry?: () => void
  /** Shown instead of rows when there are none. */
  empty: ReactNode
  /** Enter on a row, and a press anywhere in it. The first cell should hold a link or a button for the same. */
  onOpen?: (row: Row) => void
  current?: string | undefined
  /** Acts of single keys on the row that has the focus, by key. */
  keys?: Readonly<Record<string, (row: Row) => void>>
  selected?: (row: Row) => boolean
  /** 36, or 52 for two lines. */
  height?: 'one' | 'two'
  /** A row that is over, such as a revoked grant. */
  gone?: (row: Row) => boolean
  /** After the last row, such as "Show more". */
  after?: ReactNode
  /** Without the page's gutter, within a column of prose. */
  flush?: boolean
}

export function DataTable<Row>(props: DataTableProps<Row>) {
  const { caption, columns, rows, rowKey, error, onRetry, empty, after } = props
  const body = useRef<HTMLTableSectionElement>(null)
  const loading = useLater(rows === undefined && !error)
  const keepFocus = useKeptFocus(rows, body)
  if (rows === undefined && error) {
    return <FailedState what={caption} error={error} {...(onRetry && { onRetry })} />
  }
  if (rows?.length === 0) return <>{empty}</>
  return (
    <div className={cx('min-h-0 grow overflow-auto', props.flush && 'flush')} tabIndex={-1}>
      <table
        className={cx('data-table', props.flush && 'data-table-flush')}
        aria-busy={rows === undefined || undefined}
      >
        <caption className="sr-only">{caption}</caption>
        <colgroup>
          {columns.map((column) => (
            <col
              key={column.id}
              style={column.width === undefined ? undefined : { width: column.width }}
              className={shownFrom(column)}
            />
          ))}
        </colgroup>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.id} scope="col" className={cellClass(column)}>
                {column.headLabel === undefined ? column.head : <span className="sr-only">{column.headLabel}</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={body} {...keepFocus} onKeyDown={(event) => onKey(event, body.current, props)}>
          {rows?.map((row) => (
            <BodyRow key={rowKey(row)} row={row} table={props} />
          ))}
          {rows === undefined && loading && <Skeleton columns={columns} />}
        </tbody>
      </table>
      {after}
    </div>
  )
}

function BodyRow<Row>({ row, table }: { row: Row; table: DataTableProps<Row> }) {
  const { columns, rowKey, onOpen, current, height, gone, selected } = table
  const open = onOpen && ((event: React.MouseEvent) => isPlain(event) && onOpen(row))
  return (
    <tr
      onClick={open}
      aria-current={(current !== undefined && rowKey(row) === current) || undefined}
      className={cx(
        height === 'two' && 'row-two',
        onOpen && 'cursor-pointer',
        gone?.(row) === true && 'gone',
        selected?.(row) === true && 'selected',
      )}
    >
      {columns.map((column, index) => {
        const Cell = index === 0 ? 'th' : 'td'
        return (
          <Cell key={column.id} {...(index === 0 && { scope: 'row' })} className={cellClass(column)}>
            {column.cell(row)}
          </Cell>
        )
      })}
    </tr>
  )
}

const cellClass = <Row,>(column: Column<Row>) => cx(column.align === 'right' && 'text-right!', shownFrom(column))

const shownFrom = <Row,>({ phone, narrow }: Column<Row>) =>
  narrow === false ? 'wide-only' : phone === false ? 'not-phone' : undefined

/** Presses on controls of the row, and those that select text, are not for the row. */
function isPlain(event: React.MouseEvent): boolean {
  const target = event.target instanceof Element ? event.target : null
  return target?.closest('a, button, input, select, label') === null && String(getSelection() ?? '') === ''
}

function onKey<Row>(event: KeyboardEvent, body: HTMLTableSectionElement | null, table: DataTableProps<Row>): void {
  const isText = event.target instanceof HTMLInputElement && event.target.type !== 'checkbox'
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || isText || !body) return
  const at = rowAt(body, document.activeElement)
  const row = table.rows?.[at]
  const act = row && table.keys?.[event.key.toLowerCase()]
  if (act) {
    event.preventDefault()
    act(row)
  } else if (table.onOpen) move(event, body, at)
}

const rowAt = (body: HTMLTableSectionElement, element: Element | null): number =>
  [...body.rows].findIndex((row) => row.contains(element))

/** Up and down, J and K: from row to row, by the first control of each. */
function move(event: KeyboardEvent, body: HTMLTableSectionElement, at: number): void {
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key]
  const next = step === undefined ? undefined : stopOf(body.rows[at + step])
  if (!next) return
  event.preventDefault()
  next.focus()
}

const stopOf = (row: HTMLTableRowElement | undefined) => row?.querySelector<HTMLElement>('a, button')

/** Where the row that has the focus goes, as an alert that is resolved does, the one in its place gets it. */
function useKeptFocus<Row>(rows: readonly Row[] | undefined, body: React.RefObject<HTMLTableSectionElement | null>) {
  const at = useRef(-1)
  useLayoutEffect(() => {
    if (at.current < 0 || document.activeElement !== document.body) return
    const left = body.current?.rows
    const next = left && stopOf(left[Math.min(at.current, left.length - 1)])
    const to = next ?? document.getElementById('main')
    to?.focus()
  }, [rows, body])
  return {
    onFocus: ({ target }: FocusEvent) => (at.current = body.current ? rowAt(body.current, target) : -1),
    onBlur: () => (at.current = -1),
  }
}

const SKELETONS = ['w-30', 'w-24', 'w-35', 'w-22', 'w-28', 'w-20', 'w-32', 'w-25']

function Skeleton<Row>({ columns }: { columns: readonly Column<Row>[] }) {
  return SKELETONS.map((width) => (
    <tr key={width} aria-hidden="true">
      {columns.map((column, index) => (
        <td key={column.id} className={cellClass(column)}>
          <span className={cx('inline-block h-2.5 max-w-full rounded-[3px] bg-active', index === 0 ? width : 'w-16')} />
        </td>
      ))}
    </tr>
  ))
}
