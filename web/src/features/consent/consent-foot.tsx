import { ApiError } from '../../app/api.ts'
import { refusalText } from '../../app/refusal-text.ts'
import { Button } from '../../ui/button.tsx'
import { type Choice, type ConsentRequest, missing, sentence } from './consent.ts'

interface ConsentFootProps {
  request: ConsentRequest
  choice: Choice
  busy: 'approve' | 'deny' | undefined
  error: unknown
  onDeny: () => void
  onApprove: () => void
  /** What was shown is out of date. */
  onReadAgain: () => void
}

/** It never scrolls away on a phone, and says in words what is about to be given. */
export function ConsentFoot(props: ConsentFootProps) {
  const { request, choice, busy, error, onDeny, onApprove, onReadAgain } = props
  const lacking = missing(choice)
  return (
    <footer className="flex items-center gap-6 border-t border-line bg-sunken px-6 py-3.5 max-sm:fixed max-sm:inset-x-0 max-sm:bottom-0 max-sm:z-10 max-sm:flex-col max-sm:items-stretch max-sm:gap-2.5 max-sm:bg-surface max-sm:px-4 max-sm:pt-3 max-sm:pb-4 max-sm:shadow-2 sm:rounded-b-4">
      <div className="min-w-0 grow text-12">
        <p role="status" className="font-semi wrap-anywhere">
          {lacking ?? sentence(request, choice)}
        </p>
        {error !== null && error !== undefined && (
          <p role="alert" className="text-crit">
            {refusalText(error)}{' '}
            {error instanceof ApiError && error.refusal.code === 'conflict' && (
              <button type="button" className="link" onClick={onReadAgain}>
                Read it again
              </button>
            )}
          </p>
        )}
      </div>
      <div className="flex gap-2 max-sm:grid max-sm:grid-cols-[1fr_1.6fr]">
        <Button size="lg" busy={busy === 'deny' && 'Denying…'} disabled={busy === 'approve'} onClick={onDeny}>
          Deny
        </Button>
        <Button
          size="lg"
          variant="primary"
          busy={busy === 'approve' && 'Approving…'}
          disabled={lacking ?? busy === 'deny'}
          onClick={onApprove}
        >
          Approve
        </Button>
      </div>
    </footer>
  )
}
