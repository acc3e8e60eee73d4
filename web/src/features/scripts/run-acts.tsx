import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useBegin } from '../../app/begin.ts'
import { withheld } from '../../app/permissions.ts'
import { useSession } from '../../app/session.ts'
import { useToolAct } from '../../app/tool-queries.ts'
import { Button } from '../../ui/button.tsx'
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { ParameterFields, type Typed, valuesOf } from './parameter-fields.tsx'
import { hasFailed, isOpen, RUN_TOOLS, type RunPage } from './runs.ts'
import { type OneScript, SCRIPT_TOOLS } from './scripts.ts'

interface RunActsProps {
  results: RunPage
  /** Where the page was reached from its script. */
  script: OneScript | undefined
}

export function RunActs({ results, script }: RunActsProps) {
  const session = useSession()
  const [opened, setOpened] = useState<'retry' | 'cancel' | null>(null)
  const { counts } = results
  return (
    <div className="flex shrink-0 flex-wrap gap-2">
      {hasFailed(counts) && (
        <Button tier={3} disabled={withheld(session, 'scripts.execute')} onClick={() => setOpened('retry')}>
          Run again where it failed…
        </Button>
      )}
      {isOpen(counts) && (
        <Button
          variant="danger-line"
          tier={2}
          disabled={withheld(session, 'operations.write')}
          onClick={() => setOpened('cancel')}
        >
          Cancel the run…
        </Button>
      )}
      {opened === 'retry' && <Retry run={results.run} script={script} onClose={() => setOpened(null)} />}
      {opened === 'cancel' && <Cancel operation={results.operation} onClose={() => setOpened(null)} />}
    </div>
  )
}

interface RetryProps {
  run: string
  script: OneScript | undefined
  onClose: () => void
}

/** Values are the run's own; its secrets were not kept, and are typed again. */
function Retry({ run: retryOf, script, onClose }: RetryProps) {
  const navigate = useNavigate()
  const [typed, setTyped] = useState<Typed>({})
  const secrets = script?.script.parameters.filter(({ type }) => type === 'secret') ?? []
  const id = script?.script.id
  const { run, busy, refusal } = useBegin<object>('run_script', {
    refresh: [...RUN_TOOLS, ...SCRIPT_TOOLS],
    onBegun: (runId) => {
      onClose()
      void navigate({ to: '/scripts/runs/$runId', params: { runId }, search: id === undefined ? {} : { script: id } })
    },
    onAwaitingApproval: onClose,
  })
  return (
    <FormDialog
      title="Run it again where it failed"
      about="The same version with the same values, on the devices where it failed, timed out, expired or was interrupted. The server first shows which."
      act="Run it again…"
      doing="Asking…"
      tier={3}
      busy={busy}
      refusal={refusal}
      onClose={onClose}
      onSubmit={() => run({ retry_of: retryOf, ...valuesOf(secrets, typed) })}
    >
      <ParameterFields
        parameters={secrets}
        typed={typed}
        onType={(name, value) => setTyped({ ...typed, [name]: value })}
      />
    </FormDialog>
  )
}

function Cancel({ operation, onClose }: { operation: string; onClose: () => void }) {
  const { run, busy, refusal } = useToolAct<object, { cancelled: number; asked: number }>('cancel_operation', {
    refresh: RUN_TOOLS,
    said: ({ cancelled, asked }) =>
      `${cancelled} cancelled before ${cancelled === 1 ? 'it was' : 'they were'} sent, ${asked} asked to stop`,
    onDone: onClose,
  })
  return (
    <ConfirmDialog
      title="Cancel this run?"
      about="What waits is never sent; devices where it runs are asked to stop it. What it did by then stays done."
      act="Cancel the run"
      doing="Cancelling…"
      keep="Let it go on"
      busy={busy}
      refusal={refusal}
      onKeep={onClose}
      onAct={() => run({ operation })}
    />
  )
}
