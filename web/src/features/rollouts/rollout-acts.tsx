import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useBegin } from '../../app/begin.ts'
import { withheld } from '../../app/permissions.ts'
import { useSession } from '../../app/session.ts'
import { useToolAct } from '../../app/tool-queries.ts'
import { Button } from '../../ui/button.tsx'
import { ConfirmDialog, Refused } from '../../ui/confirm-dialog.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { TextField } from '../../ui/text-field.tsx'
import { mayPause, mayResume, mayRollBack, ROLLOUT_TOOLS, type WholeRollout } from './rollouts.ts'

interface RolloutActsProps {
  whole: WholeRollout
  state: string
}

export function RolloutActs({ whole, state }: RolloutActsProps) {
  const { operation, finished_at: ended } = whole
  const navigate = useNavigate()
  const off = withheld(useSession(), 'operations.write')
  const [opened, setOpened] = useState<'pause' | 'cancel' | null>(null)
  const resume = useToolAct<object, unknown>('control_rollout', {
    refresh: ROLLOUT_TOOLS,
    planFirst: true,
    said: () => 'The rollout goes on',
  })
  const rollBack = useBegin<object>('control_rollout', {
    refresh: ROLLOUT_TOOLS,
    onBegun: (operationId) => void navigate({ to: '/rollouts/$operationId', params: { operationId } }),
  })
  const refusal = resume.refusal ?? rollBack.refusal
  return (
    <>
      <div className="flex flex-wrap gap-2">
        {mayPause(state) && (
          <Button tier={2} disabled={off} onClick={() => setOpened('pause')}>
            Pause…
          </Button>
        )}
        {mayResume(state) && (
          <Button
            variant="primary"
            tier={3}
            disabled={off}
            busy={resume.busy && 'Asking…'}
            onClick={() => resume.run({ operation, action: 'resume' })}
          >
            Resume…
          </Button>
        )}
        {mayRollBack(whole) && (
          <Button
            tier={3}
            disabled={off}
            busy={rollBack.busy && 'Asking…'}
            onClick={() => rollBack.run({ operation, action: 'roll_back' })}
          >
            Roll back…
          </Button>
        )}
        {ended === null && (
          <Button variant="danger-line" tier={2} disabled={off} onClick={() => setOpened('cancel')}>
            Cancel the rollout…
          </Button>
        )}
      </div>
      {refusal !== undefined && <Refused text={refusal} />}
      {opened === 'pause' && <Pause operation={operation} onClose={() => setOpened(null)} />}
      {opened === 'cancel' && <Cancel operation={operation} onClose={() => setOpened(null)} />}
    </>
  )
}

interface ActProps {
  operation: string
  onClose: () => void
}

function Pause({ operation, onClose }: ActProps) {
  const [reason, setReason] = useState('')
  const { run, busy, refusal } = useToolAct<object, unknown>('control_rollout', {
    refresh: ROLLOUT_TOOLS,
    said: () => 'The rollout is paused',
    onDone: onClose,
  })
  const why = reason.trim()
  return (
    <FormDialog
      title="Pause this rollout"
      about="Devices at work end, no other begins, until somebody resumes it."
      act="Pause"
      doing="Pausing…"
      tier={2}
      busy={busy}
      refusal={refusal}
      onClose={onClose}
      onSubmit={() => run({ operation, action: 'pause', ...(why !== '' && { reason: why }) })}
    >
      <TextField
        label="Why, optional"
        maxLength={500}
        value={reason}
        onChange={({ target }) => setReason(target.value)}
      />
    </FormDialog>
  )
}

function Cancel({ operation, onClose }: ActProps) {
  const { run, busy, refusal } = useToolAct<object, { cancelled: number; asked: number }>('cancel_operation', {
    refresh: ROLLOUT_TOOLS,
    said: ({ cancelled }) => `Rollout cancelled, ${cancelled} ${cancelled === 1 ? 'device' : 'devices'} had not begun`,
    onDone: onClose,
  })
  return (
    <ConfirmDialog
      title="Cancel this rollout?"
      about="No other device begins, and those at work are asked to stop. What is done on a device stays done. It can not be resumed."
      act="Cancel the rollout"
      doing="Cancelling…"
      keep="Let it go on"
      busy={busy}
      refusal={refusal}
      onKeep={onClose}
      onAct={() => run({ operation })}
    />
  )
}
