import { useState } from 'react'
import { can } from '../../app/permissions.ts'
import { useSession } from '../../app/session.ts'
import { Button } from '../../ui/button.tsx'
import { ClientTile } from '../../ui/client-tile.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Note } from '../../ui/note.tsx'
import { Segmented } from '../../ui/segmented.tsx'
import type { MadeKey } from '../api-keys/api-keys.ts'
import { CreateKey } from '../api-keys/create-key.tsx'
import { RevealKey } from '../api-keys/reveal-key.tsx'
import { type Client, mcpUrl, outOfReach } from './clients.ts'
import { Steps } from './steps.tsx'

type Way = 'oauth' | 'key'

/** How one client is connected, by sign-in or by key. A key made here is shown once, in the client's own words. */
export function SetUpDialog({ client, way: first, onClose }: { client: Client; way?: Way; onClose: () => void }) {
  const session = useSession()
  const oauth = session.oauth_enabled ? client.oauth : null
  const [way, setWay] = useState<Way>(oauth === null || (first === 'key' && client.key) ? 'key' : 'oauth')
  const [making, setMaking] = useState(false)
  const [made, setMade] = useState<MadeKey | null>(null)
  const url = mcpUrl(session.public_url)
  const steps = way === 'oauth' ? oauth : client.key
  const blocked = client.hosted && way === 'oauth' ? outOfReach(session.public_url) : null
  if (made) {
    return <RevealKey made={made} client={client} onDone={onClose} />
  }
  return (
    <>
      <Dialog
        open
        onClose={onClose}
        width="wide"
        title={
          <span className="flex items-center gap-3">
            <ClientTile name={client.name} />
            Connect {client.name === 'Any other client' ? 'any other client' : client.name}
          </span>
        }
        {...(client.needs !== undefined && { about: client.needs })}
        actions={<Button onClick={onClose}>Close</Button>}
      >
        <div className="flex flex-col gap-4">
          {!session.oauth_enabled && <OauthOff />}
          {oauth && client.key && (
            <div>
              <Segmented
                label="How to connect"
                value={way}
                options={[
                  { value: 'oauth', label: 'Sign in with OAuth' },
                  { value: 'key', label: 'API key' },
                ]}
                onChange={setWay}
              />
            </div>
          )}
          {blocked && <Unreachable why={blocked} client={client.name} url={session.public_url} />}
          {way === 'key' && (
            <MakeKey allowed={can(session, 'keys.write') && session.mcp_write} onMake={() => setMaking(true)} />
          )}
          {steps && <Steps steps={steps({ url, key: null })} />}
        </div>
      </Dialog>
      {making && (
        <CreateKey name={suggestedName(client)} onClose={() => setMaking(false)} onMade={(key) => setMade(key)} />
      )}
    </>
  )
}

const suggestedName = ({ id }: Client): string => (id === 'other' ? '' : id)

const MakeKey = ({ allowed, onMake }: { allowed: boolean; onMake: () => void }) => (
  <Note
    title="It needs a key."
    action={
      <Button
        size="sm"
        onClick={onMake}
        disabled={
          allowed ? false : 'You have view-only access. Ask an administrator for the API keys write permission.'
        }
      >
        Create New Key
      </Button>
    }
  >
    Make one here, and these steps are filled in with it; or put one of yours in place of <code>YOUR_API_KEY</code>.
  </Note>
)

export const OauthOff = () => (
  <Note title="Signing in with OAuth is off on this server.">
    An operator turned it off (<code>MCP_OAUTH_ENABLED=false</code>): clients connect by API key.
  </Note>
)

export const Unreachable = (props: { why: 'loopback' | 'insecure'; client: string; url: string }) => (
  <Note tone="warn" title={`${props.client} cannot reach this server.`}>
    It connects from its vendor's servers, and <code>{props.url}</code>{' '}
    {props.why === 'loopback' ? 'is an address of this computer only' : 'is not HTTPS'}. An operator can set{' '}
    <code>BREEZE_PUBLIC_URL</code> to a public HTTPS address.
  </Note>
)
