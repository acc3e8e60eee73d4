import { Pencil, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { Button } from '../../ui/button.tsx'
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { Facts } from '../../ui/facts.tsx'
import { FailedState } from '../../ui/state-view.tsx'
import { number } from '../../ui/time.ts'
import { type JudgedOrganization, type RiskEngine, type Rule, useSetRule } from './risk-engine.ts'
import { RuleDialog } from './rule-dialog.tsx'
import { TermsDialog } from './terms-dialog.tsx'
import { POLICY_WORDS, ruleSubject } from './words.ts'

interface ConfirmationSectionProps {
  engine: RiskEngine | undefined
  error: unknown
  onRetry: () => void
  /** Why rules can't be set here; why approvals can't. */
  off: string | false
  termsOff: string | false
}

type Asking = { what: 'set'; rule?: Rule } | { what: 'remove'; rule: Rule } | { what: 'terms' }

export function ConfirmationSection({ engine, error, onRetry, off, termsOff }: ConfirmationSectionProps) {
  const [asking, setAsking] = useState<Asking | null>(null)
  const organization = engine?.organization ?? null
  if (!engine && error) return <FailedState what="Confirmation rules" error={error} onRetry={onRetry} />
  const close = () => setAsking(null)
  const tell = (what: 'set' | 'remove', rule: Rule) => setAsking({ what, rule })
  return (
    <div className="min-h-0 grow overflow-auto" tabIndex={0} role="region" aria-label="Confirmation">
      <div className="flex max-w-238 flex-col gap-8 p-4 sm:px-6 sm:py-5">
        <section aria-labelledby="rules">
          <div className="mb-2 flex items-center justify-between gap-3">
            <h2 id="rules" className="text-16 font-semi">
              Rules {organization ? `in ${organization.name}` : 'for every organization'}
            </h2>
            <Button size="sm" tier={2} disabled={off} onClick={() => setAsking({ what: 'set' })}>
              <Plus className="size-4" strokeWidth={1.6} aria-hidden="true" />
              Set a rule…
            </Button>
          </div>
          <DataTable
            caption="Confirmation rules"
            flush
            columns={columns(organization, off, tell)}
            rows={engine?.policies}
            rowKey={({ from, area, tier, tool }) => `${from} ${area} ${tier} ${tool}`}
            empty={<p className="border-y border-line py-3 text-text-2">No rules: the defaults below decide.</p>}
          />
          <p className="mt-2 text-text-2">
            The most specific rule wins: one tool before an area, an area before a tier, an organization’s before the
            one for all.
          </p>
        </section>
        <Defaults limit={organization?.approval_limit} />
        <Terms organization={organization} off={termsOff} onChange={() => setAsking({ what: 'terms' })} />
      </div>
      {engine && asking?.what === 'set' && (
        <RuleDialog
          organization={organization}
          tools={engine.tools}
          of={asking.rule}
          policy={asking.rule?.policy}
          onClose={close}
        />
      )}
      {asking?.what === 'remove' && <RemoveRule rule={asking.rule} organization={organization} onClose={close} />}
      {asking?.what === 'terms' && organization && <TermsDialog organization={organization} onClose={close} />}
    </div>
  )
}

const Defaults = ({ limit }: { limit: number | undefined }) => (
  <section aria-labelledby="defaults">
    <h2 id="defaults" className="mb-2 text-16 font-semi">
      Where no rule says
    </h2>
    <Facts
      facts={[
        ['Tier 1, reading', 'Runs at once.'],
        ['Tier 2, writing', POLICY_WORDS.client.about],
        ['Tier 3, one workstation', POLICY_WORDS.client.about],
        ['Several devices, or a server', POLICY_WORDS.elicit.about],
        [
          limit === undefined ? 'Above the organization’s limit' : `Above ${number(limit)} devices`,
          POLICY_WORDS.approver.about,
        ],
        ['Tier 4', 'Never runs, whatever the credential.'],
      ]}
    />
  </section>
)

interface TermsProps {
  organization: JudgedOrganization | null
  off: string | false
  onChange: () => void
}

function Terms({ organization, off, onChange }: TermsProps) {
  return (
    <section aria-labelledby="terms">
      <div className="mb-2 flex items-center justify-between gap-3">
        <h2 id="terms" className="text-16 font-semi">
          Approvals {organization && `in ${organization.name}`}
        </h2>
        {organization && (
          <Button size="sm" tier={2} disabled={off} onClick={onChange}>
            Change…
          </Button>
        )}
      </div>
      {organization ? (
        <Facts
          facts={[
            ['A second person approves above', `${number(organization.approval_limit)} devices in one call`],
            ['A request waits', `${number(organization.approval_hours)} hours, then it never runs`],
            ['Whoever asked may decide', organization.requester_may_decide ? 'Yes' : 'No'],
            ['After reading device text', afterReading(organization.untrusted_minutes)],
          ]}
        />
      ) : (
        <p className="text-text-2">
          Each organization has its own. Choose one in the navigation to see and change them.
        </p>
      )}
    </section>
  )
}

const afterReading = (minutes: number): string =>
  minutes === 0
    ? 'Off. Output, logs and files may hold words meant for a model; on, high-impact calls of whoever read them need a second person for a while.'
    : `High-impact calls of that key or grant need a second person for ${number(minutes)} minutes`

interface RemoveRuleProps {
  rule: Rule
  organization: { id: string } | null
  onClose: () => void
}

function RemoveRule({ rule, organization, onClose }: RemoveRuleProps) {
  const remove = useSetRule(onClose)
  const { area, tier, tool } = rule
  return (
    <ConfirmDialog
      title={`Remove the rule for ${ruleSubject(rule)}?`}
      about="The next less specific rule decides from the next call on, or the default."
      act="Remove rule"
      doing="Removing…"
      busy={remove.busy}
      refusal={remove.refusal}
      onKeep={onClose}
      onAct={() =>
        remove.run({
          policy: 'default',
          ...(organization && { organization: organization.id }),
          ...(area !== null && { area }),
          ...(tier !== null && { tier }),
          ...(tool !== null && { tool }),
        })
      }
    />
  )
}

const columns = (
  organization: { name: string } | null,
  off: string | false,
  onAct: (what: 'set' | 'remove', rule: Rule) => void,
): readonly Column<Rule>[] => {
  /** The partner's are changed where every organization is shown. */
  const offFor = ({ from }: Rule) =>
    off === false && organization !== null && from === 'partner'
      ? 'This rule is for every organization: show all organizations to change it.'
      : off
  return [
    { id: 'subject', head: 'Of what', cell: (rule) => <b className="font-medium">{ruleSubject(rule)}</b> },
    {
      id: 'policy',
      head: 'Confirmed',
      width: '30%',
      cell: ({ policy }) => <span title={POLICY_WORDS[policy].about}>{POLICY_WORDS[policy].name}</span>,
    },
    {
      id: 'where',
      head: 'Where',
      width: '24%',
      phone: false,
      cell: ({ from }) => (from === 'partner' ? 'Every organization' : (organization?.name ?? 'This organization')),
    },
    {
      id: 'acts',
      head: '',
      headLabel: 'Actions',
      width: '96px',
      align: 'right',
      cell: (rule) => (
        <span className="inline-flex">
          <Button
            variant="ghost"
            size="sm"
            icon
            disabled={offFor(rule)}
            aria-label={`Change the rule for ${ruleSubject(rule)}`}
            onClick={() => onAct('set', rule)}
          >
            <Pencil className="size-4" strokeWidth={1.6} />
          </Button>
          <Button
            variant="ghost"
            size="sm"
            icon
            disabled={offFor(rule)}
            aria-label={`Remove the rule for ${ruleSubject(rule)}`}
            onClick={() => onAct('remove', rule)}
          >
            <Trash2 className="size-4" strokeWidth={1.6} />
          </Button>
        </span>
      ),
    },
  ]
}
