import { useState } from 'react'
import { Button } from '../../ui/button.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { TextField } from '../../ui/text-field.tsx'
import { useChangePassword } from './account.ts'
import { Section } from './section.tsx'

const SHORTEST = 12

/** `has`: people who came by another issuer, or only use a passkey, may have none yet. */
export function PasswordSection({ has }: { has: boolean }) {
  const [open, setOpen] = useState(false)
  return (
    <Section
      id="password"
      title="Password"
      about={
        has
          ? 'Changing it signs out every other session of yours.'
          : 'You have none: a passkey or a linked account signs you in. Setting one signs out every other session of yours.'
      }
      action={<Button onClick={() => setOpen(true)}>{has ? 'Change password…' : 'Set a password…'}</Button>}
    >
      {open && <ChangePassword has={has} onClose={() => setOpen(false)} />}
    </Section>
  )
}

function ChangePassword({ has, onClose }: { has: boolean; onClose: () => void }) {
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const [asked, setAsked] = useState(false)
  const change = useChangePassword(has ? 'changed' : 'set', onClose)
  const short = next.length < SHORTEST
  const submit = () => {
    setAsked(true)
    if (!short) change.run({ ...(current !== '' && { current }), next })
  }
  return (
    <FormDialog
      title={has ? 'Change your password' : 'Set a password'}
      about={has ? undefined : 'It signs you in beside what you use now.'}
      act={has ? 'Change password' : 'Set password'}
      doing={has ? 'Changing…' : 'Setting…'}
      busy={change.busy}
      refusal={change.refusal}
      onClose={onClose}
      onSubmit={submit}
    >
      {has && (
        <TextField
          label="Current password"
          type="password"
          autoFocus
          autoComplete="current-password"
          value={current}
          onChange={(event) => setCurrent(event.target.value)}
        />
      )}
      <TextField
        label="New password"
        type="password"
        autoFocus={!has}
        autoComplete="new-password"
        value={next}
        onChange={(event) => setNext(event.target.value)}
        error={asked && short ? `Use at least ${SHORTEST} characters.` : undefined}
        hint={`At least ${SHORTEST} characters. Longer is better than odd.`}
      />
    </FormDialog>
  )
}
