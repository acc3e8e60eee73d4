import { useState } from 'react'
import { useSession } from '../../app/session.ts'
import { Checkbox } from '../../ui/checkbox.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { SelectField, TextField } from '../../ui/text-field.tsx'
import { KINDS, type PatchRule, type RuleMatch, useManageRule } from './patches.ts'

const SEVERITIES = KINDS.filter((kind) => kind !== 'security')

interface Draft {
  name: string
  organization: string
  decision: PatchRule['decision']
  classification: '' | 'security' | 'other'
  severities: readonly string[]
  /** Names and KB numbers, by comma. */
  called: string
  delay: string
}

const draftOf = (rule: PatchRule | undefined): Draft => ({
  name: rule?.name ?? '',
  organization: '',
  decision: rule?.decision ?? 'approve',
  classification: rule?.match.classification ?? '',
  severities: rule?.match.severities ?? [],
  called: [...(rule?.match.articles ?? []), ...(rule?.match.names ?? [])].join(', '),
  delay: String(rule?.delay_days ?? 0),
})

const ARTICLE = /^KB\d{4,9}$/i

function matchOf({ classification, severities, called }: Draft): RuleMatch {
  const words = called
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean)
  const articles = words.filter((word) => ARTICLE.test(word)).map((word) => word.toUpperCase())
  const names = words.filter((word) => !ARTICLE.test(word))
  return {
    ...(classification !== '' && { classification }),
    ...(severities.length > 0 && { severities: [...severities] }),
    ...(articles.length > 0 && { articles }),
    ...(names.length > 0 && { names }),
  }
}

export function SaveRule({ rule, onClose }: { rule?: PatchRule; onClose: () => void }) {
  const { organizations, partner } = useSession()
  const [draft, setDraft] = useState(() => draftOf(rule))
  const { run, busy, refusal } = useManageRule(rule ? 'changed' : 'made', onClose)
  const change = (part: Partial<Draft>) => setDraft({ ...draft, ...part })
  const { name, decision, delay, organization } = draft
  const nowhere = !rule && !partner && organization === ''
  return (
    <FormDialog
      title={rule ? `Change ${rule.name}` : 'New patch rule'}
      about="Counts for deployments that are begun from then on. What a rule blocks, no other rule lets through."
      act={rule ? 'Save changes' : 'Make the rule'}
      doing="Saving…"
      tier={2}
      busy={busy}
      refusal={refusal}
      disabled={name.trim() === '' ? 'Give it a name first.' : nowhere && 'Choose an organization first.'}
      onClose={onClose}
      onSubmit={() =>
        run({
          action: rule ? 'update' : 'create',
          ...(rule && { rule: rule.id }),
          ...(organization !== '' && { organization }),
          name: name.trim(),
          decision,
          match: matchOf(draft),
          delay_days: decision === 'approve' ? Number(delay) : 0,
        })
      }
    >
      <TextField label="Name" maxLength={120} value={name} onChange={({ target }) => change({ name: target.value })} />
      {!rule && (
        <SelectField label="For" value={organization} onChange={({ target }) => change({ organization: target.value })}>
          <option value="">{partner ? 'Every organization' : 'Choose an organization'}</option>
          {organizations.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </SelectField>
      )}
      <div className="grid grid-cols-2 gap-4 max-sm:grid-cols-1">
        <SelectField
          label="Decision"
          value={decision}
          onChange={({ target }) => change({ decision: target.value === 'block' ? 'block' : 'approve' })}
        >
          <option value="approve">Approves</option>
          <option value="block">Blocks</option>
        </SelectField>
        {decision === 'approve' && (
          <TextField
            label="After so many days"
            inputMode="numeric"
            hint="Since the device was first known to lack it."
            value={delay}
            onChange={({ target }) => change({ delay: target.value })}
          />
        )}
      </div>
      <Which draft={draft} onChange={change} />
    </FormDialog>
  )
}

function Which({ draft, onChange }: { draft: Draft; onChange: (part: Partial<Draft>) => void }) {
  const { classification, severities, called } = draft
  return (
    <>
      <SelectField
        label="Kind of update"
        value={classification}
        onChange={({ target: { value } }) =>
          onChange({ classification: value === 'security' || value === 'other' ? value : '' })
        }
      >
        <option value="">Any</option>
        <option value="security">For security</option>
        <option value="other">Not for security</option>
      </SelectField>
      <fieldset>
        <legend className="mb-1.5 font-medium">Rated</legend>
        <div className="flex flex-wrap gap-x-4 gap-y-1">
          {SEVERITIES.map((severity) => (
            <Checkbox
              key={severity}
              label={<span className="inline-block first-letter:uppercase">{severity}</span>}
              checked={severities.includes(severity)}
              onChange={({ target }) =>
                onChange({
                  severities: SEVERITIES.filter((one) =>
                    one === severity ? target.checked : severities.includes(one),
                  ),
                })
              }
            />
          ))}
        </div>
        <p className="text-12 text-text-3">
          {severities.length === 0 ? 'None ticked: however it is rated.' : 'Others are not meant.'}
        </p>
      </fieldset>
      <TextField
        label="Names or KB numbers, by comma"
        hint="A * is any part of a name. None: whatever it is called."
        placeholder="KB5034441, openssl*"
        value={called}
        onChange={({ target }) => onChange({ called: target.value })}
      />
    </>
  )
}
