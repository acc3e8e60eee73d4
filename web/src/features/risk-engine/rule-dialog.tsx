import { useState } from 'react'
import { Radio } from '../../ui/checkbox.tsx'
import { SaveDialog } from '../../ui/form-dialog.tsx'
import { SelectField } from '../../ui/text-field.tsx'
import { type JudgedTool, type NewRule, type Policy, type Rule, useSetRule } from './risk-engine.ts'
import { POLICIES, POLICY_WORDS, ruleSubject } from './words.ts'

interface RuleDialogProps {
  /** Null: for every organization. */
  organization: { id: string; name: string } | null
  tools: readonly JudgedTool[]
  /** Of what, where that is known already. */
  of?: Pick<Rule, 'area' | 'tier' | 'tool'> | undefined
  policy?: Policy | undefined
  onClose: () => void
}

/** How calls are confirmed: of all tools, an area or one tool, and perhaps of one tier. */
export function RuleDialog({ organization, tools, of, policy: before = 'preview', onClose }: RuleDialogProps) {
  const [area, setArea] = useState(of?.area ?? '')
  const [tool, setTool] = useState(of?.tool ?? '')
  const [tier, setTier] = useState(of?.tier ? String(of.tier) : '')
  const [policy, setPolicy] = useState<Policy>(before)
  const save = useSetRule(onClose)
  const acting = tools.filter((one) => one.actions.some((action) => action.tier === 2 || action.tier === 3))
  const areas = [...new Set(acting.map((one) => one.area))].sort()
  const rule: NewRule = {
    policy,
    ...(organization && { organization: organization.id }),
    ...(tool !== '' ? { tool } : area !== '' && { area }),
    ...(tier !== '' && { tier: tier === '2' ? 2 : 3 }),
  }
  return (
    <SaveDialog
      title={of ? `How ${ruleSubject(of)} is confirmed` : 'Set a rule'}
      about={`${organization ? `In ${organization.name}` : 'In every organization'}. The most specific rule wins; of several organizations, the strictest. It holds from the next call.`}
      busy={save.busy}
      refusal={save.refusal}
      onClose={onClose}
      onSubmit={() => save.run(rule)}
    >
      {!of && (
        <div className="grid gap-4 sm:grid-cols-3">
          <SelectField
            label="Area"
            value={area}
            disabled={tool !== ''}
            onChange={(event) => setArea(event.target.value)}
          >
            <option value="">Every area</option>
            {areas.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </SelectField>
          <SelectField label="Tool" value={tool} onChange={(event) => setTool(event.target.value)}>
            <option value="">Every tool</option>
            {acting
              .filter((one) => area === '' || one.area === area)
              .map(({ name }) => (
                <option key={name}>{name}</option>
              ))}
          </SelectField>
          <SelectField label="Tier" value={tier} onChange={(event) => setTier(event.target.value)}>
            <option value="">2 and 3</option>
            <option value="2">2 · Write</option>
            <option value="3">3 · High impact</option>
          </SelectField>
        </div>
      )}
      <fieldset className="flex flex-col gap-2">
        <legend className="mb-1.5 font-medium">How they are confirmed</legend>
        {POLICIES.map((one) => (
          <Radio
            key={one}
            name="policy"
            label={POLICY_WORDS[one].name}
            hint={POLICY_WORDS[one].about}
            checked={policy === one}
            onChange={() => setPolicy(one)}
          />
        ))}
      </fieldset>
    </SaveDialog>
  )
}
