import { Link } from '@tanstack/react-router'
import { ChevronRight, Lock } from 'lucide-react'
import { useState } from 'react'
import { SettingsPage } from '../../app/layout/settings-page.tsx'
import { can } from '../../app/permissions.ts'
import { useSession } from '../../app/session.ts'
import { ClientTile } from '../../ui/client-tile.tsx'
import { CopyField } from '../../ui/copy-field.tsx'
import { Note } from '../../ui/note.tsx'
import { Tag } from '../../ui/tag.tsx'
import { OwnGrants } from '../grants/own-grants.tsx'
import { type Client, CLIENTS, mcpUrl, outOfReach } from './clients.ts'
import { OauthOff, SetUpDialog } from './set-up-dialog.tsx'

export function McpServerPage() {
  const session = useSession()
  const [shown, setShown] = useState<Client | null>(null)
  const url = mcpUrl(session.public_url)
  return (
    <SettingsPage title="MCP Server" prose>
      <h2 className="text-16 font-semi">Server URL</h2>
      <p className="mt-0.5 mb-3 text-text-2">
        One address for every client and every person. What an assistant can reach follows the account that signs in.
      </p>
      <CopyField label="Server URL" value={url} />
      <dl className="mt-3 flex flex-wrap gap-x-7 gap-y-2 text-12">
        {facts(session.oauth_enabled).map(([name, value]) => (
          <div key={name} className="flex gap-2">
            <dt className="text-text-3">{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Reach publicUrl={session.public_url} />
      <div className="mt-8 mb-2 flex items-baseline justify-between gap-4">
        <h2 className="text-16 font-semi">Connect your client</h2>
        <Link to="/settings/api-keys" className="link">
          Use an API key instead
        </Link>
      </div>
      {!session.mcp_write && (
        <div className="mb-3">
          <Note icon={Lock} title="You have view-only access.">
            Ask an administrator for the MCP Server write permission to connect clients.
          </Note>
        </div>
      )}
      {!session.oauth_enabled && (
        <div className="mb-3">
          <OauthOff />
        </div>
      )}
      <ul className="grid border-t border-line lg:grid-cols-2" aria-label="Clients">
        {CLIENTS.map((client) => (
          <ClientCard
            key={client.id}
            client={client}
            off={!session.mcp_write || (!session.oauth_enabled && client.key === null)}
            onOpen={() => setShown(client)}
          />
        ))}
      </ul>
      {can(session, 'keys.read') && <OwnGrants />}
      {shown && <SetUpDialog client={shown} onClose={() => setShown(null)} />}
    </SettingsPage>
  )
}

const facts = (oauth: boolean) =>
  [
    ['Transport', 'Streamable HTTP'],
    ['Sign-in', oauth ? 'OAuth 2.1 with PKCE, or API key' : 'API key'],
    ['Protocol', '2025-03-26 to 2026-07-28'],
    ['Older clients', <code key="sse">/api/v1/mcp/sse</code>],
  ] as const

const ClientCard = ({ client, off, onOpen }: { client: Client; off: boolean; onOpen: () => void }) => (
  <li className="border-b border-line lg:odd:border-r">
    <button
      type="button"
      disabled={off}
      onClick={onOpen}
      className="flex w-full items-center gap-3 px-4 py-2.5 text-left enabled:hover:bg-hover enabled:active:bg-active disabled:cursor-not-allowed"
    >
      <ClientTile name={client.name} />
      <span className="flex min-w-0 grow flex-col">
        <span className="flex items-center gap-2">
          <b className={off ? 'font-medium text-text-3' : 'font-medium'}>{client.name}</b>
          {client.badge && (
            <Tag tone={client.badge === 'One-click install' && !off ? 'accent' : 'plain'}>{client.badge}</Tag>
          )}
        </span>
        <span className="truncate text-12 text-text-3">{client.about}</span>
      </span>
      <ChevronRight className="size-4 shrink-0 text-text-3" strokeWidth={1.6} aria-hidden="true" />
    </button>
  </li>
)

function Reach({ publicUrl }: { publicUrl: string }) {
  const why = outOfReach(publicUrl)
  if (why === null) return null
  return (
    <div className="mt-4">
      <Note title={why === 'loopback' ? 'Only this computer reaches this address.' : 'This address is not HTTPS.'}>
        Claude.ai, Claude Desktop's connectors and ChatGPT connect from their vendors' servers and need a public HTTPS
        address: an operator sets <code>BREEZE_PUBLIC_URL</code>. Clients on this computer, such as Claude Code, Codex
        and Cursor, connect now.
      </Note>
    </div>
  )
}
