import { Eye, Hourglass, MonitorX, ServerOff, type LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'
import { ApiError } from '../../app/api.ts'
import { refusalText } from '../../app/refusal-text.ts'
import { Button } from '../../ui/button.tsx'
import { StateView } from '../../ui/state-view.tsx'

const Panel = ({ children }: { children: ReactNode }) => (
  <main className="grid min-h-dvh grid-cols-[minmax(0,1fr)] place-items-center p-4">
    <div className="w-120 max-w-full border-line bg-surface sm:rounded-4 sm:border sm:shadow-1">{children}</div>
  </main>
)

export const Loading = () => (
  <main className="grid min-h-dvh place-items-center text-text-3" aria-busy="true">
    <p role="status">Reading what is asked for…</p>
  </main>
)

interface Dead {
  icon: LucideIcon
  title: string
  text: string
}

const DEAD: Readonly<Record<string, Dead>> = {
  expired: {
    icon: Hourglass,
    title: 'This request is over',
    text: 'It was answered already or waited too long. Nothing was shared. Start again in the assistant.',
  },
  other_browser: {
    icon: MonitorX,
    title: 'This request began in another browser',
    text: 'Only the browser that began it can answer it. Nothing was shared. Start again in the assistant, in this browser.',
  },
}

/** A request that can not be answered here: always with what to do, and with what the log knows it by. */
export function DeadRequest({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const refusal = error instanceof ApiError ? error.refusal : undefined
  const code = refusal?.code === 'not_found' ? 'expired' : (refusal?.code ?? '')
  const known = DEAD[code]
  return (
    <Panel>
      <StateView
        heading="h1"
        icon={known?.icon ?? ServerOff}
        title={known?.title ?? 'The request did not load'}
        reference={refusal?.reference}
        actions={known ? undefined : <Button onClick={onRetry}>Try again</Button>}
      >
        {known?.text ?? refusalText(error)}
      </StateView>
    </Panel>
  )
}

/** CON-8: connecting an assistant takes a permission. */
export const NotAllowed = ({ name, onDeny, busy }: { name: string; onDeny: () => void; busy: boolean }) => (
  <Panel>
    <StateView
      heading="h1"
      icon={Eye}
      title={`You can not connect ${name}`}
      actions={
        <Button size="lg" busy={busy && 'Denying…'} onClick={onDeny}>
          Deny
        </Button>
      }
    >
      You have view-only access. Ask an administrator for the MCP Server write permission to connect clients.
    </StateView>
  </Panel>
)
