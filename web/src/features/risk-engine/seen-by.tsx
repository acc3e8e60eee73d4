import { can } from '../../app/permissions.ts'
import { useSession } from '../../app/session.ts'
import { useToolList } from '../../app/tool-queries.ts'
import { type KeyPage, apiKeys } from '../api-keys/api-keys.ts'
import type { Question } from './risk-engine.ts'
import { type GrantPage, grants } from '../grants/grants.ts'

const ASSISTANT = 'assistant'
const SELF = 'self'
export const FIRST_SEEN_BY = ASSISTANT

export const whoIs = (seenBy: string): Pick<Question, 'seen_by' | 'credential'> =>
  seenBy === ASSISTANT || seenBy === SELF ? { seen_by: seenBy } : { credential: seenBy }

interface SeenByProps {
  value: string
  onChange: (value: string) => void
}

/** For whom the page answers: an assistant that has every scope, oneself, or a key or grant as it is. */
export function SeenBy(props: SeenByProps) {
  return can(useSession(), 'keys.read') ? <WithCredentials {...props} /> : <Choice {...props} />
}

function WithCredentials(props: SeenByProps) {
  const keys = useToolList(apiKeys(), (page: KeyPage) => page.api_keys)
  const clients = useToolList(grants({ state: ['active'] }), (page: GrantPage) => page.grants)
  return (
    <Choice {...props}>
      {keys.rows && keys.rows.length > 0 && (
        <optgroup label="API keys">
          {keys.rows.map(({ id, name, user }) => (
            <option key={id} value={id}>{`${name} for ${user.name ?? 'another user'}`}</option>
          ))}
        </optgroup>
      )}
      {clients.rows && clients.rows.length > 0 && (
        <optgroup label="Connected clients">
          {clients.rows.map(({ id, client, user }) => (
            <option key={id} value={id}>
              {`${client.verified ? client.name : `“${client.name}”`} for ${user.name ?? 'another user'}`}
            </option>
          ))}
        </optgroup>
      )}
    </Choice>
  )
}

const Choice = ({ value, onChange, children }: SeenByProps & { children?: React.ReactNode }) => (
  <label className="flex min-w-0 items-center gap-2 text-text-3">
    As seen by
    <select
      value={value}
      onChange={(event) => onChange(event.target.value)}
      className="h-7 max-w-64 min-w-0 rounded-2 border border-line-control bg-surface px-1.5 text-text max-sm:h-11 max-sm:text-16"
    >
      <option value={ASSISTANT}>An assistant with every scope</option>
      <option value={SELF}>You, in the console</option>
      {children}
    </select>
  </label>
)
