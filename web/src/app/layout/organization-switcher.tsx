import { Check, ChevronsUpDown } from 'lucide-react'
import { useId, useState } from 'react'
import { cx } from '../../ui/cx.ts'
import { Mark } from '../../ui/mark.tsx'
import { Popover } from '../../ui/popover.tsx'
import { chooseOrganization, useChosenOrganization } from '../organization.ts'
import { partnerName, useSession } from '../session.ts'

/** From so many on, a field narrows them. */
const MANY = 8

export function OrganizationSwitcher({ full }: { full: boolean }) {
  const [open, setOpen] = useState(false)
  const session = useSession()
  const chosen = useChosenOrganization(session)
  const count = session.organizations.length
  const all = count === 1 ? (session.organizations[0]?.name ?? 'One organization') : `All organizations · ${count}`
  const shown = chosen?.name ?? all
  return (
    <Popover
      open={open}
      onOpenChange={setOpen}
      label="Organizations"
      align="start"
      className="w-70 p-1"
      trigger={
        <button
          type="button"
          className={cx(
            'mb-2 flex h-10 shrink-0 items-center gap-2.5 rounded-2 px-2 text-left hover:bg-hover',
            !full && 'max-lg:justify-center',
          )}
        >
          <Mark />
          <span className="sr-only">Organization:</span>
          <span className={cx('min-w-0 grow', !full && 'max-lg:sr-only')}>
            <b className="block truncate leading-4 font-semi">{partnerName(session)}</b>
            <small className="block truncate text-11 leading-3.5 text-text-3">{shown}</small>
          </span>
          <ChevronsUpDown
            className={cx('size-3.5 shrink-0 text-text-3', !full && 'max-lg:hidden')}
            strokeWidth={1.6}
            aria-hidden="true"
          />
        </button>
      }
    >
      <Choices chosen={chosen?.id ?? null} onChosen={() => setOpen(false)} />
    </Popover>
  )
}

function Choices({ chosen, onChosen }: { chosen: string | null; onChosen: () => void }) {
  const { organizations } = useSession()
  const [text, setText] = useState('')
  const field = useId()
  const wanted = text.trim().toLowerCase()
  const matching = organizations.filter(({ name }) => name.toLowerCase().includes(wanted))
  const choose = (id: string | null) => {
    chooseOrganization(id)
    onChosen()
  }
  return (
    <>
      {organizations.length > MANY && (
        <>
          <label htmlFor={field} className="sr-only">
            Find an organization
          </label>
          <input
            id={field}
            value={text}
            onChange={(event) => setText(event.target.value)}
            placeholder="Find an organization"
            className="mb-1 h-8 w-full rounded-2 border border-line-control bg-surface px-2.5 placeholder:text-text-3 max-sm:h-11 max-sm:text-16"
          />
        </>
      )}
      <ul aria-label="Organizations" className="max-h-90 overflow-auto">
        {wanted === '' && <Choice name="All organizations" current={chosen === null} onClick={() => choose(null)} />}
        {matching.map(({ id, name }) => (
          <Choice key={id} name={name} current={id === chosen} onClick={() => choose(id)} />
        ))}
        {matching.length === 0 && <li className="p-2 text-text-3">No organization of that name.</li>}
      </ul>
    </>
  )
}

function Choice({ name, current, onClick }: { name: string; current: boolean; onClick: () => void }) {
  return (
    <li>
      <button
        type="button"
        aria-current={current || undefined}
        onClick={onClick}
        className="flex h-8 w-full items-center gap-2 rounded-2 px-2 text-left font-medium hover:bg-hover focus-visible:shadow-[inset_0_0_0_2px_var(--accent)] aria-[current]:text-accent-text max-sm:h-11"
      >
        <span className="grow truncate">{name}</span>
        {current && <Check className="size-4" strokeWidth={1.6} aria-hidden="true" />}
      </button>
    </li>
  )
}
