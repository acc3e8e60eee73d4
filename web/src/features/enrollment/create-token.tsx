import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useSession } from '../../app/session.ts'
import { Checkbox } from '../../ui/checkbox.tsx'
import { CodeBlock } from '../../ui/copy-field.tsx'
import { Facts } from '../../ui/facts.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { RevealOnce } from '../../ui/reveal-once.tsx'
import { SelectField, TextField } from '../../ui/text-field.tsx'
import { number } from '../../ui/time.ts'
import { When } from '../../ui/when.tsx'
import { type MadeToken, sitesOf, useCreateToken } from './enrollment.ts'

const LIFETIMES = [
  ['1h', '1 hour'],
  ['24h', '24 hours'],
  ['7d', '7 days'],
  ['30d', '30 days'],
] as const

interface CreateTokenProps {
  /** Chosen beforehand. */
  organization: string | undefined
  onClose: () => void
}

export function CreateToken({ organization: first, onClose }: CreateTokenProps) {
  const session = useSession()
  const [only, another] = session.organizations
  const [organization, setOrganization] = useState(first ?? (only && !another ? only.id : ''))
  const [site, setSite] = useState('')
  const [uses, setUses] = useState('1')
  const [lifetime, setLifetime] = useState('1h')
  const [approval, setApproval] = useState(false)
  const [asked, setAsked] = useState(false)
  const [made, setMade] = useState<MadeToken | null>(null)
  const { data: sites } = useQuery(sitesOf(organization))
  const create = useCreateToken(setMade)
  const wrong = {
    organization: organization === '' ? 'Choose the organization.' : undefined,
    uses: /^(?:[1-9]\d{0,3}|10000)$/.test(uses.trim()) ? undefined : 'Enter a number from 1 to 10,000.',
  }
  const submit = () => {
    setAsked(true)
    if (wrong.organization !== undefined || wrong.uses !== undefined) return
    const where = { organization, ...(site !== '' && { site }) }
    create.run({ ...where, uses: Number(uses), expires_in: lifetime, requires_approval: approval })
  }
  if (made) return <TokenMade made={made} onDone={onClose} />
  return (
    <FormDialog
      title="Create an enrollment token"
      about="With it, agents enroll devices into a site. It comes with the one line that installs them."
      act="Create token"
      doing="Creating…"
      busy={create.busy}
      refusal={create.refusal}
      tier={2}
      onClose={onClose}
      onSubmit={submit}
    >
      <div className="grid gap-5 sm:grid-cols-2">
        <SelectField
          label="Organization"
          value={organization}
          onChange={(event) => {
            setOrganization(event.target.value)
            setSite('')
          }}
          error={asked ? wrong.organization : undefined}
        >
          <option value="">Choose one</option>
          {session.organizations.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </SelectField>
        <SelectField
          label="Site"
          value={site}
          disabled={organization === ''}
          onChange={(event) => setSite(event.target.value)}
        >
          <option value="">The first one</option>
          {sites?.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </SelectField>
        <TextField
          label="Devices"
          inputMode="numeric"
          autoComplete="off"
          value={uses}
          onChange={(event) => setUses(event.target.value)}
          error={asked ? wrong.uses : undefined}
          hint="How many may enroll with it."
        />
        <SelectField label="Expires" value={lifetime} onChange={(event) => setLifetime(event.target.value)}>
          {LIFETIMES.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </SelectField>
        <Checkbox
          className="sm:col-span-2"
          label="Each device waits for approval"
          hint="It reports, and gets no commands until a person lets it in here."
          checked={approval}
          onChange={(event) => setApproval(event.target.checked)}
        />
      </div>
    </FormDialog>
  )
}

const TokenMade = ({ made, onDone }: { made: MadeToken; onDone: () => void }) => (
  <RevealOnce title="Copy your token now" label="Token" secret={made.token} onDone={onDone}>
    <Facts
      facts={[
        ['Enrolls into', `${made.organization.name} · ${made.site.name}`],
        ['Devices', `${number(made.uses)}${made.requires_approval ? ', each after approval' : ''}`],
        ['Expires', <When key="expires" at={made.expires_at} />],
      ]}
    />
    <section aria-labelledby="install">
      <h3 id="install" className="mb-2 font-medium text-text-2">
        Run on each Linux machine
      </h3>
      <CodeBlock code={made.install_command} what="install command" />
    </section>
  </RevealOnce>
)
