import { type ErrorComponentProps, Link } from '@tanstack/react-router'
import { MapPinOff } from 'lucide-react'
import { buttonClass } from '../ui/button.tsx'
import { FailedState, StateView } from '../ui/state-view.tsx'

/** A page that failed: while it was loaded or drawn. */
export const FailedPage = ({ error, reset }: ErrorComponentProps) => (
  <main className="grid min-h-dvh place-items-center bg-surface">
    <FailedState what="This page" error={error} onRetry={reset} />
  </main>
)

export const NotFoundPage = () => (
  <main className="grid min-h-dvh place-items-center bg-surface">
    <StateView
      heading="h1"
      icon={MapPinOff}
      title="There is no page here"
      actions={
        <Link to="/" className={buttonClass()}>
          Go to the console
        </Link>
      }
    >
      Nothing is at <code className="wrap-anywhere">{location.pathname}</code>. The address may be mistyped, or the page
      belongs to another version.
    </StateView>
  </main>
)
