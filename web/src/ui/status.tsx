import { cx } from './cx.ts'

export type DeviceStatus = 'online' | 'degraded' | 'offline' | 'pending'
const WORDS: Readonly<Record<DeviceStatus, string>> = {
  online: 'Online',
  degraded: 'Degraded',
  offline: 'Offline',
  pending: 'Pending',
}
const COLOURS: Readonly<Record<DeviceStatus, string>> = {
  online: 'text-ok-mark',
  degraded: 'text-med-mark',
  offline: 'text-text-3',
  pending: 'text-low-mark',
}

/** A word that this page does not know is shown as it came, with an empty ring. */
export function Status({ status, children }: { status: string; children?: React.ReactNode }) {
  const known = status in WORDS ? (status as DeviceStatus) : 'offline'
  return (
    <span className="inline-flex items-center gap-1.5 whitespace-nowrap">
      <svg viewBox="0 0 10 10" className={cx('size-2.5 shrink-0', COLOURS[known])} aria-hidden="true">
        {known === 'online' && <circle cx="5" cy="5" r="5" fill="currentColor" />}
        {known === 'degraded' && (
          <>
            <circle cx="5" cy="5" r="4.2" fill="none" stroke="currentColor" strokeWidth="1.6" />
            <path fill="currentColor" d="M5 0a5 5 0 0 1 0 10z" />
          </>
        )}
        {known === 'offline' && <circle cx="5" cy="5" r="4.2" fill="none" stroke="currentColor" strokeWidth="1.6" />}
        {known === 'pending' && (
          <circle cx="5" cy="5" r="4.2" fill="none" stroke="currentColor" strokeWidth="1.6" strokeDasharray="2 1.6" />
        )}
      </svg>
      {children ?? (status in WORDS ? WORDS[known] : status)}
    </span>
  )
}
