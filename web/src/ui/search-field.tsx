import { Search } from 'lucide-react'
import { useEffect, useId, useState } from 'react'

interface SearchFieldProps {
  label: string
  placeholder?: string
  value: string
  onChange: (value: string) => void
}

export function SearchField({ label, placeholder, value, onChange }: SearchFieldProps) {
  const id = useId()
  return (
    <div className="relative w-55 max-sm:w-full">
      <label htmlFor={id} className="sr-only">
        {label}
      </label>
      <Search
        className="pointer-events-none absolute top-1/2 left-2 size-3.5 -translate-y-1/2 text-text-3"
        strokeWidth={1.6}
        aria-hidden="true"
      />
      <input
        id={id}
        type="search"
        value={value}
        placeholder={placeholder}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && value !== '') onChange('')
        }}
        className="h-7 w-full rounded-2 border border-line-control bg-surface pr-2 pl-7 placeholder:text-text-3 max-sm:h-11 max-sm:text-16"
      />
    </div>
  )
}

/** Typing waits a little, so that each letter is not a question to the server. */
export function PatientSearchField({ value, onChange, ...field }: SearchFieldProps) {
  const [typed, setTyped] = useState(value)
  useEffect(() => setTyped(value), [value])
  useEffect(() => {
    if (typed === value) return undefined
    const timer = setTimeout(() => onChange(typed), 200)
    return () => clearTimeout(timer)
  })
  return <SearchField {...field} value={typed} onChange={setTyped} />
}
