import { Monitor } from 'lucide-react'
import { browserName } from '../../ui/browser-name.ts'
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
                  {browserName(session.user_agent)}
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
                aria-label={`Sign out ${browserName(session.user_agent)}`}
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
