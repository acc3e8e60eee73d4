import { Monitor } from 'lucide-react'
import { Button } from '../../ui/button.tsx'
import { Refused } from '../../ui/confirm-dialog.tsx'
import { Tag } from '../../ui/tag.tsx'
import { When } from '../../ui/when.tsx'
import { type Account, useEndSession } from './account.ts'
import { Section } from './section.tsx'

export function SessionsSection({ sessions }: { sessions: Account['sessions'] }) {
  const end = useEndSession()
  return (
    <Section id="sessions" title="Sessions" about="Browsers in which you are signed in.">
      <ul>
        {sessions.map((session) => (
          <li key={session.id} className="flex items-center gap-3 border-line py-2 not-first:border-t">
            <Monitor className="size-4 shrink-0 text-text-3" strokeWidth={1.6} aria-hidden="true" />
            <span className="flex min-w-0 grow flex-col">
              <span className="flex items-center gap-2">
                <b className="truncate font-medium" title={session.user_agent ?? undefined}>
                  {browserOf(session.user_agent)}
                </b>
                {session.current && <Tag tone="accent">this one</Tag>}
              </span>
              <span className="text-12 text-text-3">
                {session.ip !== null && <code>{session.ip}</code>} · last used <When at={session.last_used_at} /> ·
                since <When at={session.created_at} />
              </span>
            </span>
            {!session.current && (
              <Button
                size="sm"
                disabled={end.busy}
                aria-label={`Sign out ${browserOf(session.user_agent)}`}
                onClick={() => end.run(session.id)}
              >
                Sign out
              </Button>
            )}
          </li>
        ))}
      </ul>
      {end.refusal !== undefined && <Refused text={end.refusal} />}
    </Section>
  )
}

/** What a browser calls itself, short. It is the client's own word. */
function browserOf(userAgent: string | null): string {
  if (userAgent === null) return 'Unknown browser'
  const browser = /(Edg|Firefox|Chrome|Safari)\//.exec(userAgent)?.[1]
  const system = /Windows|Android|iPhone|iPad|Mac OS X|Linux/.exec(userAgent)?.[0]
  if (browser === undefined) return userAgent.slice(0, 60)
  return [browser === 'Edg' ? 'Edge' : browser, system && `on ${system === 'Mac OS X' ? 'macOS' : system}`]
    .filter(Boolean)
    .join(' ')
}
