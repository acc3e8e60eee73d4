import { useState } from 'react'
import { NameField } from '../../ui/name-field.tsx'
import { spoken } from '../../ui/time.ts'
import { type ApiKey, useUpdateKey } from './api-keys.ts'
import { LifetimeField, RangesField, rangesOf } from './key-fields.tsx'
import { ScopeChoice } from './scope-choice.tsx'
import { SaveDialog } from '../../ui/form-dialog.tsx'

export function EditKey({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const [name, setName] = useState(apiKey.name)
  const [scopes, setScopes] = useState<string[]>(apiKey.scopes)
  const [lifetime, setLifetime] = useState('')
  const [ranges, setRanges] = useState(apiKey.ip_allow_list?.join('\n') ?? '')
  const update = useUpdateKey(onClose)
  const addresses = rangesOf(ranges)
  const submit = () => {
    if (name.trim() === '' || scopes.length === 0) return
    update.run({
      key: apiKey.id,
      ...(name.trim() !== apiKey.name && { name: name.trim() }),
      ...(!same(scopes, apiKey.scopes) && { scopes }),
      ...(lifetime !== '' && { expires_in: lifetime }),
      ...(!same(addresses, apiKey.ip_allow_list ?? []) && {
        ip_allow_list: addresses.length > 0 ? addresses : null,
      }),
    })
  }
  return (
    <SaveDialog
      title={`Change “${apiKey.name}”`}
      about="Its secret stays. What changes holds from its next call."
      busy={update.busy}
      refusal={update.refusal}
      onClose={onClose}
      onSubmit={submit}
    >
      <NameField
        value={name}
        onChange={setName}
        error={name.trim() === '' ? 'Give it a name that says what uses it.' : undefined}
      />
      <ScopeChoice
        chosen={scopes}
        onChange={setScopes}
        error={scopes.length > 0 ? undefined : 'Choose at least one scope.'}
      />
      <div className="grid gap-4 sm:grid-cols-2">
        <LifetimeField
          value={lifetime}
          onChange={setLifetime}
          asIs={apiKey.expires_at === null ? 'Never, as it is' : `${spoken(new Date(apiKey.expires_at))}, as it is`}
        />
        <RangesField value={ranges} onChange={setRanges} />
      </div>
    </SaveDialog>
  )
}

const same = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((one) => b.includes(one))
