import { KeyRound } from 'lucide-react'
import { useState } from 'react'
import { passkeysWork } from '../../app/passkeys.ts'
import { Button } from '../../ui/button.tsx'
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { NameField } from '../../ui/name-field.tsx'
import { When } from '../../ui/when.tsx'
import { type Account, useAddPasskey, useRemovePasskey } from './account.ts'
import { RecoveryCodes } from './recovery-codes.tsx'
import { Section } from './section.tsx'

type Passkey = Account['passkeys'][number]

export function PasskeysSection({ passkeys }: { passkeys: readonly Passkey[] }) {
  const [adding, setAdding] = useState(false)
  const [removing, setRemoving] = useState<Passkey | null>(null)
  return (
    <Section
      id="passkeys"
      title="Passkeys"
      about="Signs you in by this device's own lock, with nothing to type and nothing to steal."
      action={
        <Button
          disabled={passkeysWork() ? false : 'This browser makes passkeys over HTTPS or on this computer only.'}
          onClick={() => setAdding(true)}
        >
          Add a passkey…
        </Button>
      }
    >
      {passkeys.length === 0 ? (
        <p className="text-text-3">None yet.</p>
      ) : (
        <ul>
          {passkeys.map((passkey) => (
            <li key={passkey.id} className="flex items-center gap-3 border-line py-2 not-first:border-t">
              <KeyRound className="size-4 shrink-0 text-text-3" strokeWidth={1.6} aria-hidden="true" />
              <span className="flex min-w-0 grow flex-col">
                <b className="truncate font-medium">{passkey.name}</b>
                <span className="text-12 text-text-3">
                  added <When at={passkey.created_at} /> · last used <When at={passkey.last_used_at} never="never" />
                </span>
              </span>
              <Button size="sm" aria-label={`Remove ${passkey.name}`} onClick={() => setRemoving(passkey)}>
                Remove
              </Button>
            </li>
          ))}
        </ul>
      )}
      {adding && <AddPasskey onClose={() => setAdding(false)} />}
      {removing && <RemovePasskey passkey={removing} onClose={() => setRemoving(null)} />}
    </Section>
  )
}

function AddPasskey({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('')
  const [codes, setCodes] = useState<string[] | null>(null)
  const add = useAddPasskey(({ recovery_codes: made }) => (made && made.length > 0 ? setCodes(made) : onClose()))
  if (codes) return <RecoveryCodes codes={codes} onDone={onClose} />
  return (
    <FormDialog
      title="Add a passkey"
      about="The browser asks where to keep it."
      act="Add passkey"
      doing="Waiting for the device…"
      busy={add.busy}
      refusal={add.refusal}
      disabled={name.trim() === '' && 'Give it a name first.'}
      onClose={onClose}
      onSubmit={() => name.trim() !== '' && add.run(name.trim())}
    >
      <NameField maxLength={100} placeholder="Work laptop" value={name} onChange={setName} />
    </FormDialog>
  )
}

function RemovePasskey({ passkey, onClose }: { passkey: Passkey; onClose: () => void }) {
  const remove = useRemovePasskey(onClose)
  return (
    <ConfirmDialog
      title={`Remove the passkey “${passkey.name}”?`}
      about="It no longer signs you in. Your other sessions are signed out."
      act="Remove passkey"
      doing="Removing…"
      busy={remove.busy}
      refusal={remove.refusal}
      onKeep={onClose}
      onAct={() => remove.run(passkey.id)}
    />
  )
}
