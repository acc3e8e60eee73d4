import { useSession } from '../../app/session.ts'
import { Facts } from '../../ui/facts.tsx'
import { RevealOnce } from '../../ui/reveal-once.tsx'
import { Scopes } from '../../ui/scope.tsx'
import { When } from '../../ui/when.tsx'
import { type Client, clientById, mcpUrl } from '../mcp-server/clients.ts'
import { Steps } from '../mcp-server/steps.tsx'
import type { MadeKey } from './api-keys.ts'

interface RevealKeyProps {
  made: MadeKey & { former_secret_until?: string | null }
  /** Whose set-up is shown with it; Claude Code's, when none was being set up. */
  client?: Client
  onDone: () => void
}

/** The one time that the secret is here; and what to run with it. */
export function RevealKey({ made, client = clientById('claude-code'), onDone }: RevealKeyProps) {
  const session = useSession()
  const steps = client?.key?.({ url: mcpUrl(session.public_url), key: made.key })
  const { former_secret_until: former } = made
  return (
    <RevealOnce title="Copy your key now" label="Key" secret={made.key} onDone={onDone}>
      <Facts
        facts={[
          ['Name', <b key="name">{made.name}</b>],
          ['May', <Scopes key="scopes" scopes={made.scopes} />],
          ['Expires', <When key="expires" at={made.expires_at} />],
          ...(former === undefined
            ? []
            : [
                [
                  'Old secret',
                  former === null ? (
                    'ended now'
                  ) : (
                    <span key="former">
                      ends <When at={former} />
                    </span>
                  ),
                ] as const,
              ]),
        ]}
      />
      {client && steps && (
        <section aria-labelledby="ready-for">
          <h3 id="ready-for" className="mb-2 font-medium text-text-2">
            Ready for {client.name}
          </h3>
          <Steps steps={steps} />
        </section>
      )}
    </RevealOnce>
  )
}
