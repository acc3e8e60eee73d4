import { useRef, useState } from 'react'
import { useSession } from '../../app/session.ts'
import { Button } from '../../ui/button.tsx'
import { Checkbox } from '../../ui/checkbox.tsx'
import { clientLabel } from '../../ui/client-label.ts'
import { ConfirmDialog, Refused } from '../../ui/confirm-dialog.tsx'
import { Popover, PopoverClose } from '../../ui/popover.tsx'
import { type Grant, useBlockClient, useRevokeClient, useRevokeGrant } from './grants.ts'

interface RevokeProps {
  grant: Grant
  /** Why it is off. */
  off: string | false
  mayBlock: boolean
  onRevoked: (grant: Grant, tookMs: number) => void
}

/** The button of a row, and what ends when it is meant. */
export function Revoke({ grant, off, mayBlock, onRevoked }: RevokeProps) {
  const [open, setOpen] = useState(false)
  const [block, setBlock] = useState(false)
  const began = useRef(0)
  const done = () => {
    onRevoked(grant, performance.now() - began.current)
    setOpen(false)
  }
  const revoke = useRevokeGrant(done)
  const blockClient = useBlockClient(done)
  const refusal = revoke.refusal ?? blockClient.refusal
  const label = clientLabel(grant.client)
  const act = () => {
    began.current = performance.now()
    if (block) blockClient.run({ action: 'block', client: grant.client.id })
    else revoke.run({ grant: grant.id })
  }
  if (off !== false) {
    return (
      <Button size="sm" disabled={off}>
        Revoke
      </Button>
    )
  }
  return (
    <Popover
      open={open}
      onOpenChange={setOpen}
      label={`Revoke ${label}`}
      trigger={
        <Button size="sm" aria-label={`Revoke ${label} of ${grant.user.name ?? 'another user'}`}>
          Revoke
        </Button>
      }
    >
      <h3 className="text-14 font-semi">Revoke {label}?</h3>
      <p className="mt-1 mb-3 text-text-2">
        <WhatEnds grant={grant} />
      </p>
      {mayBlock && (
        <Checkbox
          className="mb-3"
          label="Also block this client for everyone"
          checked={block}
          onChange={(event) => setBlock(event.target.checked)}
        />
      )}
      {refusal !== undefined && <Refused text={refusal} />}
      <div className="mt-3 flex justify-end gap-2">
        <PopoverClose>
          <Button size="sm">Keep</Button>
        </PopoverClose>
        <Button size="sm" variant="danger" onClick={act} busy={(revoke.busy || blockClient.busy) && 'Revoking…'}>
          {block ? 'Revoke and block' : 'Revoke'}
        </Button>
      </div>
    </Popover>
  )
}

function WhatEnds({ grant }: { grant: Grant }) {
  const { user } = useSession()
  const whose = grant.user.id === user.id ? 'yours' : `${grant.user.name ?? 'another user'}’s`
  const { active_sessions: sessions } = grant
  const counted =
    sessions === 0 ? 'no active session' : sessions === 1 ? '1 active session' : `${sessions} active sessions`
  return `It loses access with its next request. This grant of ${whose} has ${counted}; every access and refresh token and every open stream of it ends now. To come back it has to ask for consent again.`
}

/** Every grant of one program that the person may end. */
export function RevokeClient({
  grant,
  count,
  onClose,
}: {
  grant: Grant
  count: number | undefined
  onClose: () => void
}) {
  const revoke = useRevokeClient(onClose)
  const label = clientLabel(grant.client)
  return (
    <ConfirmDialog
      title={`Revoke every grant of ${label}?`}
      about={`${count === undefined ? 'All its grants' : count === 1 ? 'Its one grant' : `Its ${count} grants`} that you may end lose access with the next request. Each person has to give consent again.`}
      act="Revoke all"
      doing="Revoking…"
      busy={revoke.busy}
      refusal={revoke.refusal}
      onKeep={onClose}
      onAct={() => revoke.run({ client: grant.client.id })}
    />
  )
}
