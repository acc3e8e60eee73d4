import { useState } from 'react'
import { Button } from '../../ui/button.tsx'
import { Refused } from '../../ui/confirm-dialog.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { TextField } from '../../ui/text-field.tsx'
import { Section } from './section.tsx'
import { useChangePassword } from './account.ts'

const SHORTEST = 12

export function PasswordSection() {
  const [open, setOpen] = useState(false)
  return (
    <Section
      id="password"
      title="Password"
      about="Changing it signs out every other session of yours."
      action={<Button onClick={() => setOpen(true)}>Change password…</Button>}
    >
      {open && <ChangePassword onClose={() => setOpen(false)} />}
    </Section>
  )
}

function ChangePassword({ onClose }: { onClose: () => void }) {
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const [asked, setAsked] = useState(false)
  const change = useChangePassword(onClose)
  const short = next.length < SHORTEST
  const submit = () => {
    setAsked(true)
    if (!short) change.run({ ...(current !== '' && { current }), next })
  }
  return (
    <Dialog
      open
      onClose={onClose}
      title="Change your password"
      onSubmit={submit}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" busy={change.busy && 'Changing…'}>
            Change password
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-5">
        <TextField
          label="Current password"
          type="password"
          autoFocus
          autoComplete="current-password"
          value={current}
          onChange={(event) => setCurrent(event.target.value)}
        />
        <TextField
          label="New password"
          type="password"
          autoComplete="new-password"
          value={next}
          onChange={(event) => setNext(event.target.value)}
          error={asked && short ? `Use at least ${SHORTEST} characters.` : undefined}
          hint={`At least ${SHORTEST} characters. Longer is better than odd.`}
        />
      </div>
      {change.refusal !== undefined && <Refused text={change.refusal} />}
    </Dialog>
  )
}
