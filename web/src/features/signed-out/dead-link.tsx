import { Link } from '@tanstack/react-router'
import { ApiError } from '../../app/api.ts'
import { refusalText } from '../../app/refusal-text.ts'
import { buttonClass } from '../../ui/button.tsx'
import { SignedOut } from './frame.tsx'

/** A link that is over: used, expired, revoked or mistyped. */
export function DeadLink({ title, remedy, error }: { title: string; remedy: string; error: unknown }) {
  const gone = error instanceof ApiError && ['expired', 'not_found'].includes(error.refusal.code)
  const reference = error instanceof ApiError ? error.refusal.reference : undefined
  return (
    <SignedOut title={title} about={gone ? remedy : refusalText(error)}>
      <Link to="/sign-in" className={buttonClass({ size: 'lg', block: true })}>
        Go to the sign-in
      </Link>
      {reference !== undefined && (
        <p className="mt-6 text-12 text-text-3">
          Reference <code>{reference}</code> · it is in the server log
        </p>
      )}
    </SignedOut>
  )
}
