import type { ReactNode } from 'react'
import { Button } from './button.tsx'
import { Dialog } from './dialog.tsx'
import { Note } from './note.tsx'

interface ConfirmDialogProps {
  title: string
  about: ReactNode
  /** The act, such as "Delete key". */
  act: string
  /** While it is being done, such as "Deleting…". */
  doing: string
  busy: boolean
  refusal: string | undefined
  /** The way out says what stays. */
  keep?: string
  onKeep: () => void
  onAct: () => void
  children?: ReactNode
}

/** Before what can't be taken back. The focus is on the way out. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, about, act, doing, busy, refusal, keep = 'Keep', onKeep, onAct, children } = props
  return (
    <Dialog
      open
      onClose={onKeep}
      title={title}
      about={about}
      actions={
        <>
          <Button onClick={onKeep} autoFocus>
            {keep}
          </Button>
          <Button variant="danger" onClick={onAct} busy={busy && doing}>
            {act}
          </Button>
        </>
      }
    >
      {children}
      {refusal !== undefined && <Refused text={refusal} />}
    </Dialog>
  )
}

/** Why the act of this dialog was refused. */
export const Refused = ({ text }: { text: string }) => (
  <div className="mt-4">
    <Note tone="crit" title="Refused." alert>
      {text}
    </Note>
  </div>
)
