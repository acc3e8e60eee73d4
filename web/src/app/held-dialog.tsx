import { Link } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { Button, buttonClass } from '../ui/button.tsx'
import { Dialog } from '../ui/dialog.tsx'
import { Facts } from '../ui/facts.tsx'
import { Note } from '../ui/note.tsx'
import { TextField } from '../ui/text-field.tsx'
import { number } from '../ui/time.ts'
import { When } from '../ui/when.tsx'
import type { Hold } from './api.ts'

interface Plan {
  summary: string
  blast_radius: {
    devices: number
    sites: number
    organizations: number
    servers: number
    domain_controllers?: number
    names: string[]
  }
  irreversible: string[]
  warnings: string[]
}

/** The server's own contract names the shape of a plan. */
const planOf = (hold: Hold): Plan | undefined => hold['plan'] as Plan | undefined

/** From so many devices on, or with servers among them, the number is typed. */
const TYPED_ABOVE = 10

interface HeldDialogProps {
  hold: Hold
  onKeep: () => void
  onConfirm: (token: string) => void
}

/** What would happen, by name. Nothing has happened yet; confirming does exactly this and nothing else. */
export function HeldDialog({ hold, onKeep, onConfirm }: HeldDialogProps) {
  const plan = planOf(hold)
  const [typed, setTyped] = useState('')
  const expired = useExpired(hold.confirmation?.expires_at)
  const { confirmation, approval } = hold
  const devices = plan?.blast_radius.devices ?? 0
  const heavy = plan !== undefined && (devices > TYPED_ABOVE || plan.blast_radius.servers > 0)
  const missing = heavy && typed.trim() !== String(devices)
  const why = expired
    ? 'The plan has expired. Start the act again.'
    : missing
      ? `Type ${devices}, the number of devices, first.`
      : false
  return (
    <Dialog
      open
      onClose={onKeep}
      title={plan?.summary ?? 'This act waits'}
      about="Nothing has happened yet. The server answered with what it would do."
      onSubmit={() => confirmation && why === false && onConfirm(confirmation.token)}
      help={
        confirmation && <span className="max-sm:hidden">Confirms exactly this call, once, within five minutes.</span>
      }
      actions={
        <>
          <Button onClick={onKeep} autoFocus={!heavy}>
            {confirmation ? 'Keep as it is' : 'Close'}
          </Button>
          {!confirmation && (
            <Link
              to="/approvals/$operationId"
              params={{ operationId: hold.operation }}
              state={{ openedHere: true }}
              onClick={onKeep}
              className={buttonClass()}
            >
              Open the request
            </Link>
          )}
          {confirmation && (
            <Button variant="danger" type="submit" disabled={why} tier={3}>
              Carry it out
            </Button>
          )}
        </>
      }
    >
      {plan && <PlanView plan={plan} />}
      {heavy && confirmation && (
        <TextField
          className="mt-4"
          label={`Type ${devices} to go on`}
          inputMode="numeric"
          autoComplete="off"
          autoFocus
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
      )}
      {!confirmation && (
        <div className="mt-4">
          <Note tone="high-impact" title="A second person has to approve it.">
            It runs by itself once somebody else approved it
            {approval && (
              <>
                ; undecided at <When at={approval.expires_at} />, it never does
              </>
            )}
            .
          </Note>
        </div>
      )}
      {expired && (
        <div className="mt-4">
          <Note tone="warn" title="The plan has expired." alert>
            Start the act again to see what it would do now.
          </Note>
        </div>
      )}
    </Dialog>
  )
}

function PlanView({ plan }: { plan: Plan }) {
  const { blast_radius: reach, irreversible, warnings } = plan
  const left = reach.devices - reach.names.length
  return (
    <div className="flex flex-col gap-4">
      {reach.devices > 0 && (
        <>
          <Facts
            facts={[
              ['Devices', number(reach.devices)],
              ['Servers among them', number(reach.servers)],
              ['Sites', number(reach.sites)],
              ['Organizations', number(reach.organizations)],
            ]}
          />
          <ul aria-label="Devices" className="max-h-40 overflow-auto rounded-2 border border-line bg-sunken px-3 py-2">
            {reach.names.map((name, index) => (
              // Two devices may have one name, and the plan never changes while it is shown.
              // oxlint-disable-next-line react/no-array-index-key
              <li key={index} className="truncate">
                {name}
              </li>
            ))}
            {left > 0 && <li className="text-text-3">and {number(left)} more</li>}
          </ul>
        </>
      )}
      {irreversible.length > 0 && (
        <Note tone="warn" title="Cannot be undone.">
          {irreversible.join(' ')}
        </Note>
      )}
      {warnings.length > 0 && (
        <Note title="Note.">
          <ul className="flex flex-col gap-0.5">
            {warnings.map((warning) => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
        </Note>
      )}
    </div>
  )
}

function useExpired(at: string | undefined): boolean {
  const [expired, setExpired] = useState(false)
  useEffect(() => {
    if (at === undefined) return undefined
    const timer = setTimeout(() => setExpired(true), Math.max(0, new Date(at).getTime() - Date.now()))
    return () => clearTimeout(timer)
  }, [at])
  return expired
}
