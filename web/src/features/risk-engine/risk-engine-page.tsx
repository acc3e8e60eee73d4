import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { OctagonX } from 'lucide-react'
import { useState } from 'react'
import { SettingsPage } from '../../app/layout/settings-page.tsx'
import { useChosenOrganization } from '../../app/organization.ts'
import { withheld } from '../../app/permissions.ts'
import { type Session, useSession } from '../../app/session.ts'
import { Button } from '../../ui/button.tsx'
import { Note } from '../../ui/note.tsx'
import { Segmented } from '../../ui/segmented.tsx'
import { StopDialog } from '../emergency/stop-dialog.tsx'
import { ConfirmationSection } from './confirmation-section.tsx'
import { DeniedSection } from './denied-section.tsx'
import { LimitsSection } from './limits-section.tsx'
import { type JudgedTool, type Rule, riskEngine } from './risk-engine.ts'
import { RuleDialog } from './rule-dialog.tsx'
import { SECTIONS } from './sections.ts'
import { FIRST_SEEN_BY, SeenBy, whoIs } from './seen-by.tsx'
import { ServerSwitches } from './server-switches.tsx'
import { ToolsSection } from './tools-section.tsx'

const route = getRouteApi('/console/settings/risk-engine')
const COUNTS_MS = 5000

export function RiskEnginePage() {
  const session = useSession()
  const { show = 'tools' } = route.useSearch()
  const navigate = route.useNavigate()
  const organization = useOrganization(session)
  const [seenBy, setSeenBy] = useState<string>(FIRST_SEEN_BY)
  const [ruling, setRuling] = useState<JudgedTool | null>(null)
  const [stopping, setStopping] = useState(false)
  const { data, error, refetch } = useQuery({
    ...riskEngine({ ...(organization && { organization: organization.id }), ...whoIs(seenBy) }),
    placeholderData: keepPreviousData,
    refetchInterval: show === 'limits' ? COUNTS_MS : false,
  })
  const retry = () => void refetch()
  const off = rulesOff(session, organization)
  const shown = { engine: data, error, onRetry: retry }
  return (
    <SettingsPage
      title="Risk Engine"
      actions={
        <Button
          size="sm"
          variant="danger-line"
          disabled={withheld(session, 'governance.write')}
          onClick={() => setStopping(true)}
        >
          <OctagonX className="size-4" strokeWidth={1.6} aria-hidden="true" />
          <span className="max-sm:sr-only">Stop all assistants…</span>
        </Button>
      }
      toolbar={
        <>
          <div className="max-w-full overflow-x-auto">
            <Segmented
              label="Show"
              value={show}
              options={SECTIONS}
              onChange={(value) => void navigate({ search: { show: value } })}
            />
          </div>
          {show === 'tools' && <SeenBy value={seenBy} onChange={setSeenBy} />}
        </>
      }
    >
      {show === 'tools' && data && <ServerSwitches server={data.server} />}
      {data?.organization?.assistants_enabled === false && (
        <div className="border-b border-line p-3">
          <Note title={`Assistants are off for ${data.organization.name}.`}>No key and no grant reaches it.</Note>
        </div>
      )}
      {show === 'tools' && <ToolsSection {...shown} off={off} onRule={setRuling} />}
      {show === 'confirmation' && <ConfirmationSection {...shown} off={off} termsOff={termsOff(session)} />}
      {show === 'denied' && <DeniedSection />}
      {show === 'limits' && <LimitsSection {...shown} />}
      {ruling && data && (
        <RuleDialog
          organization={organization}
          tools={data.tools}
          of={{ tool: ruling.name, area: null, tier: null }}
          policy={data.policies.find((rule) => isOf(rule, ruling, organization))?.policy}
          onClose={() => setRuling(null)}
        />
      )}
      {stopping && <StopDialog onClose={() => setStopping(false)} />}
    </SettingsPage>
  )
}

const isOf = (rule: Rule, { name }: JudgedTool, organization: object | null): boolean =>
  rule.tool === name && rule.tier === null && (rule.from === 'organization') === (organization !== null)

/** The one that is chosen. Whoever is not of the partner has no "every organization": theirs is shown. */
function useOrganization(session: Session): { id: string; name: string } | null {
  const chosen = useChosenOrganization(session)
  return chosen ?? (session.partner ? null : (session.organizations[0] ?? null))
}

const rulesOff = (session: Session, organization: object | null): string | false =>
  organization === null && !session.partner
    ? 'A rule for every organization is for the partner’s own people.'
    : withheld(session, 'governance.write')

const termsOff = (session: Session): string | false =>
  session.partner ? withheld(session, 'organizations.write') : 'The partner’s own people set these.'
