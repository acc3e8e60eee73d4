import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { can } from '../../app/permissions.ts'
import { refusalText } from '../../app/refusal-text.ts'
import { useSession } from '../../app/session.ts'
import { Severity } from '../../ui/severity.tsx'
import { When } from '../../ui/when.tsx'
import { toldOf, type WholeAlert } from './alerts.ts'

const Section = ({ title, children }: { title: string; children: React.ReactNode }) => (
  <section className="border-b border-line px-5 py-4 last:border-b-0">
    <h3 className="mb-2 font-semi">{title}</h3>
    {children}
  </section>
)

/** What this one stands for: of a whole site that is down, its devices. */
export function StandsFor({ whole: { alert, stands_for: children } }: { whole: WholeAlert }) {
  if (children.length === 0) return null
  const more = (alert.stands_for ?? 0) - children.length
  return (
    <Section title={`Stands for ${alert.stands_for ?? children.length} more`}>
      <ul className="flex flex-col gap-1">
        {children.map(({ id, severity, title, device }) => (
          <li key={id} className="flex min-w-0 items-center gap-2">
            <Severity level={severity}>{''}</Severity>
            <Link
              to="/alerts/$alertId"
              params={{ alertId: id }}
              search={true}
              className="link min-w-0 truncate rounded-1"
            >
              {device === null ? title : `${device}: ${title}`}
            </Link>
          </li>
        ))}
        {more > 0 && <li className="text-text-3">and {more} more</li>}
      </ul>
    </Section>
  )
}

const KINDS: Readonly<Record<string, string>> = {
  recurred: 'Came again',
  severity: 'Severity changed',
  flapping: 'Comes and goes',
  steady: 'Steady again',
  no_data: 'No data any more',
  data_again: 'Data again',
  clearing: 'Recovering',
  surfaced: 'Shown again',
}

export const History = ({ whole: { history } }: { whole: WholeAlert }) => (
  <Section title="What happened">
    <ol className="flex flex-col gap-1">
      {history.map(({ kind, at, by, note }, index) => (
        // Events have no identity, and only grow at the end.
        <li key={index} className="grid grid-cols-[5.5rem_minmax(0,1fr)] gap-3">
          <span className="text-text-3">
            <When at={at} />
          </span>
          <span className="wrap-anywhere">
            <span className="inline-block first-letter:uppercase">{KINDS[kind] ?? kind.replaceAll('_', ' ')}</span>
            {by !== null && ` by ${by}`}
            {note !== null && <span className="text-text-2">: {note}</span>}
          </span>
        </li>
      ))}
    </ol>
  </Section>
)

export function Notifications({ alert }: { alert: string }) {
  const allowed = can(useSession(), 'monitoring.read')
  const { data, error } = useQuery({ ...toldOf(alert), enabled: allowed })
  return (
    <Section title="Notifications">
      {!allowed && <p className="text-text-2">Who was told is shown to those with the Monitoring read permission.</p>}
      {error && <p className="text-text-2">{refusalText(error)}</p>}
      {data?.notifications.length === 0 && <p className="text-text-2">Nobody was told of it.</p>}
      <ul className="flex flex-col gap-1">
        {data?.notifications.map((told) => (
          <li key={told.id} className="grid grid-cols-[5.5rem_minmax(0,1fr)] gap-3">
            <span className="text-text-3">
              <When at={told.due_at} />
            </span>
            <span className="wrap-anywhere">
              {told.channel ?? 'a deleted channel'}: {told.state}
              {told.kind !== 'alerts' && `, ${told.kind}`}
              {told.reason !== null && <span className="text-text-2">, {told.reason}</span>}
            </span>
          </li>
        ))}
      </ul>
    </Section>
  )
}
