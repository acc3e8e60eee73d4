import { Monitor, MonitorOff } from 'lucide-react'
import { ListCount, MoreRows } from '../../app/layout/list-foot.tsx'
import { useToolList } from '../../app/tool-queries.ts'
import { browserName } from '../../ui/browser-name.ts'
import { Button } from '../../ui/button.tsx'
import { Refused } from '../../ui/confirm-dialog.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { FailedState, StateView } from '../../ui/state-view.tsx'
import { When } from '../../ui/when.tsx'
import { type SessionPage, sessions, type User, useRevokeSessions } from './users.ts'

interface UserSessionsProps {
  user: User
  /** Why nothing can be ended here. */
  off: string | false
  onClose: () => void
}

/** Browsers in which somebody is signed in, and the way out of one or of all. */
export function UserSessions({ user, off, onClose }: UserSessionsProps) {
  const list = useToolList(sessions(user.id), (page: SessionPage) => page.sessions)
  const end = useRevokeSessions()
  const rows = list.rows ?? []
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Sessions of ${user.name}`}
      about="Browsers in which they are signed in at the console. Keys and connected clients are not among them."
      help={<ListCount list={list} one="session" many="sessions" />}
      actions={
        <>
          <Button onClick={onClose}>Close</Button>
          <Button
            variant="danger-line"
            tier={2}
            disabled={off !== false ? off : rows.length === 0 && 'They are signed in nowhere.'}
            busy={end.busy && 'Signing out…'}
            onClick={() => end.run({ user: user.id })}
          >
            Sign out everywhere
          </Button>
        </>
      }
    >
      {list.error && <FailedState what="Sessions" error={list.error} onRetry={list.retry} />}
      {list.rows?.length === 0 && <StateView icon={MonitorOff} title="Signed in nowhere" />}
      <ul>
        {rows.map((session) => (
          <li key={session.id} className="flex items-center gap-3 border-line py-2 not-first:border-t">
            <Monitor className="size-4 shrink-0 text-text-3" strokeWidth={1.6} aria-hidden="true" />
            <span className="flex min-w-0 grow flex-col">
              <b className="truncate font-medium" title={session.client ?? undefined}>
                {browserName(session.client)}
              </b>
              <span className="text-12 text-text-3">
                {session.ip !== null && <code>{session.ip}</code>} · by {session.methods.join(' and ')} · last used{' '}
                <When at={session.last_used_at} /> · since <When at={session.created_at} />
              </span>
            </span>
            <Button
              size="sm"
              disabled={off !== false ? off : end.busy}
              aria-label={`Sign out ${browserName(session.client)}`}
              onClick={() => end.run({ session: session.id })}
            >
              Sign out
            </Button>
          </li>
        ))}
      </ul>
      <MoreRows list={list} />
      {end.refusal !== undefined && <Refused text={end.refusal} />}
    </Dialog>
  )
}
