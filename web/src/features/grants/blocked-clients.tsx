import { useQuery } from '@tanstack/react-query'
import { Ban } from 'lucide-react'
import { Button } from '../../ui/button.tsx'
import { ClientTile } from '../../ui/client-tile.tsx'
import { Refused } from '../../ui/confirm-dialog.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { FailedState, StateView } from '../../ui/state-view.tsx'
import { When } from '../../ui/when.tsx'
import { clients, useBlockClient } from './grants.ts'

/** Programs that nobody can connect, and the way back. */
export function BlockedClients({ mayUnblock, onClose }: { mayUnblock: boolean; onClose: () => void }) {
  const { data, error, refetch } = useQuery(clients({ blocked: true }))
  const unblock = useBlockClient()
  return (
    <Dialog
      open
      onClose={onClose}
      title="Blocked clients"
      about="Nobody can connect them, and every grant of theirs has ended."
      actions={<Button onClick={onClose}>Close</Button>}
    >
      {error && <FailedState what="Blocked clients" error={error} onRetry={() => void refetch()} />}
      {data?.length === 0 && <StateView icon={Ban} title="No client is blocked" />}
      <ul className="flex flex-col">
        {data?.map((client) => (
          <li key={client.id} className="flex items-center gap-3 border-line py-2 not-first:border-t">
            <ClientTile name={client.name} />
            <span className="flex min-w-0 grow flex-col">
              <b className="truncate font-medium">{client.verified ? client.name : `“${client.name}”`}</b>
              <span className="text-12 text-text-3">
                since <When at={client.blocked_at} />
                {client.block_reason !== null && ` · ${client.block_reason}`}
              </span>
            </span>
            <Button
              size="sm"
              disabled={mayUnblock ? false : 'Only people at the partner with the Users write permission can unblock.'}
              busy={unblock.busy && 'Unblocking…'}
              aria-label={`Unblock ${client.name}`}
              onClick={() => unblock.run({ action: 'unblock', client: client.id })}
            >
              Unblock
            </Button>
          </li>
        ))}
      </ul>
      {unblock.refusal !== undefined && <Refused text={unblock.refusal} />}
    </Dialog>
  )
}
