import { useState } from 'react'
import { useSession } from '../../app/session.ts'
import { NameField } from '../../ui/name-field.tsx'
import { type MadeKey, useCreateKey } from './api-keys.ts'
import { LifetimeField, RangesField, rangesOf, type Reach, ReachField } from './key-fields.tsx'
import { ScopeChoice } from './scope-choice.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'

interface CreateKeyProps {
  /** Suggested. */
  name?: string
  onClose: () => void
  onMade: (made: MadeKey) => void
}

export function CreateKey({ name: suggested = '', onClose, onMade }: CreateKeyProps) {
  const session = useSession()
  const [name, setName] = useState(suggested)
  const [reach, setReach] = useState<Reach>(() => firstReach(session.organizations))
  const [scopes, setScopes] = useState<string[]>(['ai:read'])
  const [lifetime, setLifetime] = useState('90d')
  const [ranges, setRanges] = useState('')
  const [asked, setAsked] = useState(false)
  const create = useCreateKey(onMade)
  const wrong = {
    name: name.trim() === '' ? 'Give it a name that says what uses it.' : undefined,
    reach: reach.wide || reach.organizations.length > 0 ? undefined : 'Choose at least one organization.',
    scopes: scopes.length > 0 ? undefined : 'Choose at least one scope.',
  }
  const submit = () => {
    setAsked(true)
    if (Object.values(wrong).some((problem) => problem !== undefined)) return
    const addresses = rangesOf(ranges)
    create.run({
      name: name.trim(),
      scopes,
      ...(reach.wide ? { partner_wide: true } : { organizations: [...reach.organizations] }),
      ...(lifetime !== 'never' && { expires_in: lifetime }),
      ...(addresses.length > 0 && { ip_allow_list: addresses }),
    })
  }
  const told: Partial<typeof wrong> = asked ? wrong : {}
  return (
    <FormDialog
      title="Create New Key"
      about="It acts as you, and never beyond what you choose here."
      act="Create key"
      doing="Creating…"
      busy={create.busy}
      refusal={create.refusal}
      tier={2}
      onClose={onClose}
      onSubmit={submit}
    >
      <NameField placeholder="nightly-triage" value={name} onChange={setName} error={told.name} />
      <ReachField session={session} value={reach} onChange={setReach} error={told.reach} />
      <ScopeChoice chosen={scopes} onChange={setScopes} error={told.scopes} />
      <div className="grid gap-4 sm:grid-cols-2">
        <LifetimeField value={lifetime} onChange={setLifetime} />
        <RangesField value={ranges} onChange={setRanges} />
      </div>
    </FormDialog>
  )
}

const firstReach = ([only, another]: readonly { id: string }[]): Reach => ({
  wide: false,
  organizations: only && !another ? [only.id] : [],
})
