import { MonitorDot } from 'lucide-react'
import type { ReactNode } from 'react'

/** Everything that a device wrote: nobody here vouches for a word of it. `of`: whose words, such as "event log of PC-7". */
export function Untrusted({ of, children, note }: { of: string; children: ReactNode; note?: ReactNode }) {
  return (
    <figure className="m-0 rounded-r-2 border border-l-3 border-line border-l-line-control bg-sunken [border-left-style:double]">
      <figcaption className="flex items-center gap-1.5 border-b border-line px-3 py-1.5 text-12 text-text-2">
        <MonitorDot className="size-3.5 shrink-0" strokeWidth={1.6} aria-hidden="true" />
        <span className="min-w-0 grow">Written by {of}</span>
        {note}
      </figcaption>
      <div className="overflow-auto px-3 py-2 text-12 wrap-anywhere">{children}</div>
    </figure>
  )
}
