import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { BellOff } from 'lucide-react'
import { useState } from 'react'
import { ApiError } from '../../app/api.ts'
import { withheld } from '../../app/permissions.ts'
import { useSession } from '../../app/session.ts'
import { Button } from '../../ui/button.tsx'
import { Drawer } from '../../ui/drawer.tsx'
import { Facts } from '../../ui/facts.tsx'
import { Severity } from '../../ui/severity.tsx'
import { FailedState, StateView } from '../../ui/state-view.tsx'
import { Untrusted } from '../../ui/untrusted.tsx'
import { fieldWords, Value } from '../../ui/value.tsx'
import { When } from '../../ui/when.tsx'
import { ActDialog, type AlertAct } from './alert-acts.tsx'
import { History, Notifications, StandsFor } from './alert-sections.tsx'
import { type Alert, measured, placeOf, STATE_WORDS, type WholeAlert, wholeAlert } from './alerts.ts'

const route = getRouteApi('/console/alerts/$alertId')

export function AlertDrawer() {
  const { alertId } = route.useParams()
  const navigate = route.useNavigate()
  const found = useQuery(wholeAlert(alertId))
  const whole = found.data
  const isAbsent = found.error instanceof ApiError && [400, 404].includes(found.error.status)
  return (
    <Drawer
      label={whole?.alert.title ?? 'Alert'}
      onClose={() => void navigate({ to: '/alerts', search: true })}
      title={
        <span className="flex items-center gap-3">
          {whole && <Severity level={whole.alert.severity} />}
          <h2 className="truncate text-14 font-semi">{whole?.alert.title ?? 'Alert'}</h2>
        </span>
      }
    >
      {whole && <Details key={whole.alert.id} whole={whole} />}
      {!whole && isAbsent && (
        <StateView icon={BellOff} title="There is no such alert">
          It was forgotten, or it is of an organization that you do not reach.
        </StateView>
      )}
      {!whole && found.error && !isAbsent && (
        <FailedState what="The alert" error={found.error} onRetry={() => void found.refetch()} />
      )}
    </Drawer>
  )
}

/** What stands above the recorded facts already. */
const TOLD: ReadonlySet<string> = new Set(['value', 'threshold', 'unit'])

function Details({ whole }: { whole: WholeAlert }) {
  const { alert, recorded, device_text: said } = whole
  const ours = Object.entries(recorded).filter(([name, value]) => !TOLD.has(name) && value !== null)
  return (
    <>
      <section className="flex flex-col gap-4 border-b border-line px-5 py-4">
        <Acts alert={alert} />
        <Facts facts={factsOf(alert)} />
      </section>
      {ours.length > 0 && (
        <section className="border-b border-line px-5 py-4">
          <h3 className="mb-2 font-semi">Recorded when it opened</h3>
          <Facts facts={ours.map(([name, value]) => [fieldWords(name), <Value key={name} value={value} />])} />
        </section>
      )}
      {said !== undefined && (
        <section className="border-b border-line px-5 py-4">
          <Untrusted of={placeOf(alert)} note="Frozen when it opened">
            <div className="whitespace-pre-wrap">
              <Value value={said} />
            </div>
          </Untrusted>
        </section>
      )}
      <StandsFor whole={whole} />
      <History whole={whole} />
      <Notifications alert={alert.id} />
    </>
  )
}

function Acts({ alert }: { alert: Alert }) {
  const [act, setAct] = useState<AlertAct | null>(null)
  const off = withheld(useSession(), 'alerts.write')
  if (alert.status === 'resolved') {
    return (
      <p className="text-text-2">
        Resolved <When at={alert.resolved_at ?? null} />
        {alert.note !== undefined && `: ${alert.note}`}
      </p>
    )
  }
  return (
    <div className="flex flex-wrap gap-2">
      <Button
        variant={alert.status === 'open' ? 'primary' : 'default'}
        tier={2}
        disabled={off}
        onClick={() => setAct('acknowledge')}
      >
        {alert.status === 'open' ? 'Acknowledge…' : 'Acknowledge anew…'}
      </Button>
      <Button tier={2} disabled={off} onClick={() => setAct('resolve')}>
        Resolve…
      </Button>
      {act && <ActDialog acting={{ act, alerts: [alert] }} onClose={() => setAct(null)} />}
    </div>
  )
}

function factsOf(alert: Alert): (readonly [string, React.ReactNode])[] {
  const value = measured(alert)
  const last = alert.last_value === undefined ? '' : `, ${alert.last_value}${alert.unit ? ` ${alert.unit}` : ''} last`
  const facts: (readonly [string, React.ReactNode] | false)[] = [
    [
      'Device',
      alert.device ? (
        <Link key="device" to="/devices/$deviceId" params={{ deviceId: alert.device.id }} className="link rounded-1">
          {alert.device.name}
        </Link>
      ) : (
        'none: it concerns a place'
      ),
    ],
    ['Organization', alert.site === undefined ? alert.organization.name : `${alert.organization.name} · ${alert.site}`],
    value !== null && ['Value', `${value}${last}`],
    alert.status !== 'resolved' && ['Condition', STATE_WORDS[alert.state ?? 'firing'] ?? alert.state],
    ['Opened', <When key="opened" at={alert.opened_at} />],
    ['Last seen', <When key="seen" at={alert.last_seen_at} />],
    ['Occurrences', alert.occurrences],
    alert.status === 'acknowledged' && ['Acknowledged', acknowledged(alert)],
    alert.status !== 'resolved' && alert.note !== undefined && ['Note', alert.note],
    alert.escalation !== undefined && ['Escalated', `${alert.escalation} times`],
    alert.suppressed !== undefined && ['Not told of', SUPPRESSED[alert.suppressed] ?? alert.suppressed],
    ['Source', alert.source.replaceAll('_', ' ')],
  ]
  return facts.filter((fact) => fact !== false)
}

const SUPPRESSED: Readonly<Record<string, string>> = {
  parent: 'another alert stands for it',
  maintenance: 'a maintenance window covers it',
  device_offline: 'the device is offline',
  rule: 'its rule tells nobody',
}

const acknowledged = ({ acknowledged_by: by, acknowledged_until: until }: Alert) => (
  <>
    {by === undefined ? 'yes' : `by ${by}`}
    {until !== undefined && (
      <>
        , until <When at={until} />
      </>
    )}
  </>
)
