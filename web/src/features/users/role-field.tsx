import { useQuery } from '@tanstack/react-query'
import { useSession } from '../../app/session.ts'
import { Checkbox } from '../../ui/checkbox.tsx'
import { SelectField } from '../../ui/text-field.tsx'
import { type Role, type RoleRequest, roles } from './users.ts'

interface RoleFieldProps {
  value: RoleRequest
  onChange: (value: RoleRequest) => void
  error?: string | undefined
}

/** A role, and where it is held: in organizations, or, at the partner's level, everywhere. */
export function RoleField({ value, onChange, error }: RoleFieldProps) {
  const session = useSession()
  const { data, error: failed } = useQuery(roles)
  const partner = session.partner !== null && session.partner !== false
  const offered = data?.filter((role) => partner || role.level === 'organization')
  const role = data?.find((one) => one.id === value.role)
  const pick = (id: string, on: boolean) => {
    const held = value.organizations ?? []
    onChange({ ...value, organizations: on ? [...held, id] : held.filter((other) => other !== id) })
  }
  return (
    <>
      <SelectField
        label="Role"
        value={value.role}
        onChange={(event) => onChange({ role: event.target.value, organizations: value.organizations ?? [] })}
        error={failed ? 'The roles did not load. Close this and try again.' : undefined}
        hint={role && describe(role)}
      >
        <option value="">Choose a role</option>
        {offered?.map((one) => (
          <option key={one.id} value={one.id}>
            {one.name}
          </option>
        ))}
      </SelectField>
      {role?.level === 'organization' && (
        <fieldset>
          <legend className="mb-1.5 font-medium">Organizations</legend>
          <div className="flex max-h-44 flex-col gap-1 overflow-auto rounded-2 border border-line px-3 py-2">
            {session.organizations.map(({ id, name }) => (
              <Checkbox
                key={id}
                label={name}
                checked={value.organizations?.includes(id) === true}
                onChange={(event) => pick(id, event.target.checked)}
              />
            ))}
          </div>
        </fieldset>
      )}
      {error !== undefined && (
        <p role="alert" className="text-12 text-crit">
          {error}
        </p>
      )}
    </>
  )
}

const describe = (role: Role): string =>
  role.level === 'partner'
    ? 'Holds in every organization, those added later included.'
    : 'Holds in the organizations chosen.'

/** As the tools want it: a role of the partner's level names no organization. */
export function requestOf(value: RoleRequest, known: readonly Role[] | undefined): RoleRequest {
  const role = known?.find((one) => one.id === value.role)
  return role?.level === 'partner' ? { role: value.role } : value
}

/** Undefined when it can be asked for. */
export function wrongRole(value: RoleRequest, known: readonly Role[] | undefined): string | undefined {
  const role = known?.find((one) => one.id === value.role)
  if (!role) return 'Choose a role.'
  if (role.level === 'organization' && (value.organizations ?? []).length === 0)
    return 'Choose at least one organization.'
  return undefined
}
