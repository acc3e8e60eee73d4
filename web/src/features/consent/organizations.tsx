import { Checkbox, Radio } from '../../ui/checkbox.tsx'
import { type Choice, type ConsentRequest, withItem } from './consent.ts'

interface OrganizationsProps {
  request: ConsentRequest
  choice: Choice
  onChange: (choice: Choice) => void
}

/** All, also those to come, or only the ticked ones. */
export function Organizations({ request, choice, onChange }: OrganizationsProps) {
  const { organizations, all_organizations_allowed: allAllowed } = request
  const count = choice.all ? organizations.length : choice.organizations.size
  return (
    <section className="border-t border-line px-4 py-3.5 sm:px-6">
      <fieldset>
        <legend className="float-left mb-2 w-full text-12 font-medium text-text-3">Organizations</legend>
        <div className="clear-both flex flex-col gap-1.5">
          {allAllowed && (
            <>
              <Radio
                name="organizations"
                label="All I can reach"
                checked={choice.all}
                onChange={() => onChange({ ...choice, all: true })}
                aside={<Count>{organizations.length}</Count>}
              />
              <Radio
                name="organizations"
                label="Only these"
                checked={!choice.all}
                onChange={() => onChange({ ...choice, all: false })}
                aside={choice.all ? undefined : <Count>{count}</Count>}
              />
            </>
          )}
          <div
            className={
              allAllowed
                ? 'flex max-h-60 flex-col gap-1.5 overflow-auto pt-0.5 pl-6.5 max-sm:max-h-none'
                : 'flex flex-col gap-1.5'
            }
          >
            {organizations.map(({ id, name }) => (
              <Checkbox
                key={id}
                label={name}
                checked={!choice.all && choice.organizations.has(id)}
                // Ticking one says "only these": nobody has to press the other button first.
                onChange={(event) =>
                  onChange({
                    ...choice,
                    all: false,
                    organizations: withItem(choice.organizations, id, event.target.checked),
                  })
                }
              />
            ))}
          </div>
        </div>
      </fieldset>
    </section>
  )
}

const Count = ({ children }: { children: number }) => (
  <span className="text-12 leading-5 text-text-3 tabular-nums">{children}</span>
)
