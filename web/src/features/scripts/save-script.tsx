import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useChosenOrganization } from '../../app/organization.ts'
import { useSession } from '../../app/session.ts'
import { useToolAct } from '../../app/tool-queries.ts'
import { Checkbox } from '../../ui/checkbox.tsx'
import { CodeBlock } from '../../ui/copy-field.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { Note } from '../../ui/note.tsx'
import { SelectField, TextArea, TextField } from '../../ui/text-field.tsx'
import { type Draft, draftOf, inputOf, missingInDraft } from './draft.ts'
import { ParameterEditor } from './parameter-editor.tsx'
import {
  LANGUAGE_WORDS,
  LANGUAGES,
  type OneScript,
  SCRIPT_TOOLS,
  SYSTEM_WORDS,
  SYSTEMS,
  wholeScript,
} from './scripts.ts'

interface SaveScriptProps {
  /** The one to change, or to begin with. Without it, a new one. */
  one?: OneScript
  copy?: boolean
  onClose: () => void
  onSaved: (script: string) => void
}

interface Saved {
  script: string
  name: string
  version: number
}

/** A new script, or the next version of one. */
export function SaveScript({ one, copy = false, onClose, onSaved }: SaveScriptProps) {
  const organization = useChosenOrganization(useSession())
  const [draft, setDraft] = useState(() => draftOf(one, organization?.id, copy))
  const [edited] = useState(one?.script)
  const changed = copy ? undefined : edited
  const [basedOn, setBasedOn] = useState(changed?.version ?? 0)
  const queries = useQueryClient()
  const { run, busy, refusal } = useToolAct<object, Saved>('save_script', {
    refresh: SCRIPT_TOOLS,
    planFirst: true,
    said: ({ name, version }) => `${name} saved as version ${version}`,
    onDone: ({ script }) => {
      onClose()
      onSaved(script)
    },
    // Perhaps because somebody saved meanwhile: then that is shown.
    onRefused: () => void queries.invalidateQueries({ queryKey: ['list_scripts', 'one'] }),
  })
  const change = (part: Partial<Draft>) => setDraft({ ...draft, ...part })
  return (
    <FormDialog
      width="wide"
      title={changed ? `Edit ${changed.name}` : copy ? `Save a copy of ${edited?.name ?? ''}` : 'New script'}
      about={
        changed
          ? `Saves the version after ${basedOn}. Versions never change: what ran can always be read.`
          : 'Runs nothing. Whoever may run scripts finds it here by its name.'
      }
      act={changed ? 'Save the version…' : 'Save the script…'}
      doing="Saving…"
      tier={3}
      busy={busy}
      refusal={refusal}
      disabled={missingInDraft(draft)}
      onClose={onClose}
      onSubmit={() => run(inputOf(draft, changed ? { script: changed.id, basedOn } : null))}
    >
      {changed && <SavedMeanwhile script={changed.id} basedOn={basedOn} onGoOn={setBasedOn} />}
      <Names draft={draft} isNew={changed === undefined} onChange={change} />
      <TextArea
        code
        required
        label="Text"
        rows={12}
        maxLength={200_000}
        value={draft.content}
        onChange={({ target }) => change({ content: target.value })}
      />
      <ParameterEditor parameters={draft.parameters} onChange={(parameters) => change({ parameters })} />
      <How draft={draft} onChange={change} />
      {changed && (
        <TextField
          label="What is new in this version"
          maxLength={500}
          value={draft.note}
          onChange={({ target }) => change({ note: target.value })}
        />
      )}
    </FormDialog>
  )
}

interface MeanwhileProps {
  script: string
  basedOn: number
  onGoOn: (version: number) => void
}

/** Somebody else's version since this one was opened: read first, then saved over or not. */
function SavedMeanwhile({ script, basedOn, onGoOn }: MeanwhileProps) {
  const { data } = useQuery(wholeScript(script))
  const latest = data?.versions[0]
  if (!latest || latest.version <= basedOn) return null
  return (
    <div className="flex flex-col gap-3">
      <Note
        tone="warn"
        title={`Version ${latest.version} was saved meanwhile${latest.saved_by === null ? '' : ` by ${latest.saved_by}`}.`}
        alert
        action={
          <button type="button" className="link shrink-0 rounded-1" onClick={() => onGoOn(latest.version)}>
            Save mine after it
          </button>
        }
      >
        {latest.note} Its text is below; yours does not have what is new in it.
      </Note>
      <CodeBlock whole code={data.content} what={`text of version ${latest.version}`} />
    </div>
  )
}

interface PartProps {
  draft: Draft
  onChange: (part: Partial<Draft>) => void
}

function Names({ draft, isNew, onChange }: PartProps & { isNew: boolean }) {
  const { organizations, partner } = useSession()
  return (
    <>
      <TextField
        label="Name"
        required
        maxLength={120}
        value={draft.name}
        onChange={({ target }) => onChange({ name: target.value })}
      />
      <TextField
        label="Description"
        maxLength={1000}
        hint="What it does and when to use it. Assistants choose by it."
        value={draft.description}
        onChange={({ target }) => onChange({ description: target.value })}
      />
      {isNew && (
        <SelectField
          label="Belongs to"
          hint="A script of one organization runs on its devices only."
          value={draft.organization}
          onChange={({ target }) => onChange({ organization: target.value })}
        >
          {/* Only the partner's own people write for all. */}
          {partner ? (
            <option value="">Every organization</option>
          ) : (
            draft.organization === '' && <option value="">Choose an organization</option>
          )}
          {organizations.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </SelectField>
      )}
    </>
  )
}

function How({ draft, onChange }: PartProps) {
  return (
    <div className="grid grid-cols-2 gap-4 max-sm:grid-cols-1">
      <SelectField
        label="Language"
        value={draft.language}
        onChange={({ target }) => onChange({ language: LANGUAGES.find((known) => known === target.value) ?? 'bash' })}
      >
        {LANGUAGES.map((language) => (
          <option key={language} value={language}>
            {LANGUAGE_WORDS[language]}
          </option>
        ))}
      </SelectField>
      <fieldset>
        <legend className="mb-1.5 font-medium">For</legend>
        <div className="flex h-8 items-center gap-4">
          {SYSTEMS.map((system) => (
            <Checkbox
              key={system}
              label={SYSTEM_WORDS[system]}
              checked={draft.os.includes(system)}
              onChange={({ target }) =>
                onChange({
                  os: SYSTEMS.filter((known) => (known === system ? target.checked : draft.os.includes(known))),
                })
              }
            />
          ))}
        </div>
        <p className="text-12 text-text-3">
          {draft.os.length === 0 ? 'None ticked: for any system.' : 'Others are left out.'}
        </p>
      </fieldset>
      <TextField
        label="Runs as"
        placeholder="the agent’s own user"
        autoComplete="off"
        maxLength={64}
        value={draft.runAs}
        onChange={({ target }) => onChange({ runAs: target.value })}
      />
      <TextField
        label="At most, in seconds"
        inputMode="numeric"
        value={draft.timeout}
        onChange={({ target }) => onChange({ timeout: target.value })}
      />
    </div>
  )
}
