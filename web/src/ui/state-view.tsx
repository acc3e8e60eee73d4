import { Lock, RotateCw, ServerOff, type LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'
import { ApiError } from '../app/api.ts'
import { Button } from './button.tsx'

interface StateViewProps {
  icon: LucideIcon
  title: string
  children?: ReactNode
  actions?: ReactNode
  /** The request's id, which is in the server's log. */
  reference?: string | undefined
  heading?: 'h1' | 'h2'
}

/** A view that has nothing to list: empty, broken or closed. */
export function StateView({
  icon: Icon,
  title,
  children,
  actions,
  reference,
  heading: Heading = 'h2',
}: StateViewProps) {
  return (
    <div className="grid content-center justify-items-center gap-2 px-6 py-8 text-center">
      <span className="mb-1 grid size-9 place-items-center rounded-3 border border-line-strong text-text-2">
        <Icon className="size-4" strokeWidth={1.6} aria-hidden="true" />
      </span>
      <Heading className="text-14 font-semi">{title}</Heading>
      {children !== undefined && <div className="max-w-95 text-text-2">{children}</div>}
      {actions !== undefined && <div className="mt-2 flex flex-wrap justify-center gap-2">{actions}</div>}
      {reference !== undefined && (
        <p className="text-12 text-text-3">
          Reference <code>{reference}</code> · it is in the server log
        </p>
      )}
    </div>
  )
}

/** `what`: the plural of what was asked for, such as "Devices". */
export function FailedState({ what, error, onRetry }: { what: string; error: unknown; onRetry?: () => void }) {
  const retry = onRetry && (
    <Button onClick={onRetry}>
      <RotateCw className="size-4" strokeWidth={1.6} aria-hidden="true" />
      Try again
    </Button>
  )
  if (!(error instanceof ApiError)) {
    return (
      <StateView icon={ServerOff} title={`${what} did not load`} actions={retry}>
        {error instanceof Error ? error.message : 'This page failed.'}
      </StateView>
    )
  }
  const { reason, remedy, reference } = error.refusal
  const said = `${reason} ${remedy}`
  if (error.status === 403) {
    return (
      <StateView icon={Lock} title={`You cannot see ${what.toLowerCase()}`} reference={reference}>
        {said}
      </StateView>
    )
  }
  return (
    <StateView icon={ServerOff} title={`${what} did not load`} actions={retry} reference={reference}>
      {said}
    </StateView>
  )
}
