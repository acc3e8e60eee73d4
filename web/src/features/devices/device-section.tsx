import { Untrusted } from '../../ui/untrusted.tsx'
import { fieldWords, Value } from '../../ui/value.tsx'
import { When } from '../../ui/when.tsx'
import type { Section } from './devices.ts'

/** Why there is nothing to show, in words: unknown is never a zero. */
const MISSING: Readonly<Record<string, string>> = {
  not_collected: 'The agent has not sent it yet.',
  unsupported: 'This system has no such thing, or the agent can not read it.',
  no_permission: 'The agent may not read it.',
  timeout: 'Reading it took too long.',
  error: 'Reading it failed.',
}

const TITLES: Readonly<Record<string, string>> = { os: 'Operating system', cpu: 'Processor' }

export function DeviceSection({ device, section }: { device: string; section: Section }) {
  const { name, status, data, detail } = section
  const title = TITLES[name] ?? fieldWords(name)
  return (
    <details className="group border-b border-line">
      <summary className="flex h-9 list-none items-center gap-3 px-5 font-medium hover:bg-hover focus-visible:shadow-[inset_0_0_0_2px_var(--accent)] max-sm:h-11">
        <span aria-hidden="true" className="text-text-3 transition-transform group-open:rotate-90">
          ›
        </span>
        <span className="grow first-letter:uppercase">{title}</span>
        <span className="text-12 font-regular text-text-3">
          {status === 'ok' ? <When at={section.collected_at} /> : status.replaceAll('_', ' ')}
        </span>
      </summary>
      <div className="px-5 pt-1 pb-4">
        {data === undefined || data === null ? (
          <p className="text-text-2">
            {status === 'ok' ? 'Ask for it by name to read it.' : (MISSING[status] ?? status)}
          </p>
        ) : (
          <Untrusted of={device} note={section.source}>
            <Value value={data} />
            {section.left_out !== undefined && (
              <p className="mt-2 text-text-3">{section.left_out} more are not shown.</p>
            )}
          </Untrusted>
        )}
        {detail !== null && status !== 'ok' && (
          <div className="mt-2">
            <Untrusted of={device}>{detail}</Untrusted>
          </div>
        )}
      </div>
    </details>
  )
}
