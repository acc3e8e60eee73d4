import type { ReactNode } from 'react'

interface SectionProps {
  id: string
  title: string
  about?: ReactNode
  action?: ReactNode
  children?: ReactNode
}

/** One part of the account, at a hairline. */
export const Section = ({ id, title, about, action, children }: SectionProps) => (
  <section aria-labelledby={id} className="border-line py-6 not-first:border-t first:pt-0">
    <div className="flex flex-wrap items-start justify-between gap-3">
      <div className="min-w-0">
        <h2 id={id} className="text-16 font-semi">
          {title}
        </h2>
        {about !== undefined && <p className="max-w-140 text-text-2">{about}</p>}
      </div>
      {action}
    </div>
    <div className="mt-4 empty:hidden">{children}</div>
  </section>
)
