import { ExternalLink } from 'lucide-react'
import { buttonClass } from '../../ui/button.tsx'
import { CodeBlock, CopyField } from '../../ui/copy-field.tsx'
import type { Step } from './clients.ts'
import { Inline } from './inline.tsx'

/** What to do, in order; each thing to copy has its own button. */
export function Steps({ steps }: { steps: readonly Step[] }) {
  return (
    <ol className="flex flex-col gap-4">
      {steps.map((step, index) => (
        <li key={step.title} className="grid grid-cols-[20px_minmax(0,1fr)] gap-3">
          <span
            aria-hidden="true"
            className="grid size-5 place-items-center rounded-full border border-line-strong text-11 font-semi text-text-2"
          >
            {index + 1}
          </span>
          <div className="flex min-w-0 flex-col gap-2">
            <p className="font-medium">
              <Inline text={step.title} />
            </p>
            {step.link && <StepLink link={step.link} />}
            {step.note !== undefined && (
              <p className="text-12 text-text-3">
                <Inline text={step.note} />
              </p>
            )}
            {step.code && <CodeBlock code={step.code.text} what={step.code.what} />}
            {step.field && <CopyField label={step.field.label} value={step.field.value} />}
          </div>
        </li>
      ))}
    </ol>
  )
}

/** Links into programs stay in this tab: there is nothing to show in another one. */
const StepLink = ({ link }: { link: NonNullable<Step['link']> }) => (
  <p>
    <a
      href={link.href}
      {...(!link.oneClick && { target: '_blank', rel: 'noreferrer' })}
      className={buttonClass({ variant: link.oneClick ? 'primary' : 'default' })}
    >
      {link.label}
      {!link.oneClick && <ExternalLink className="size-3.5" strokeWidth={1.6} aria-hidden="true" />}
    </a>
  </p>
)
