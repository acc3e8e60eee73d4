import { X } from 'lucide-react'
import { type FormEvent, type ReactNode, useId } from 'react'
import { Button } from './button.tsx'
import { cx } from './cx.ts'
import { Modal } from './modal.tsx'

interface DialogProps {
  open: boolean
  /** Left out where it must be answered: then there is no cross and Escape does nothing. */
  onClose?: () => void
  /** The question, or the object. */
  title: ReactNode
  /** What follows from it. */
  about?: ReactNode
  width?: 'normal' | 'secret' | 'wide'
  children?: ReactNode
  /** Left in the foot. */
  help?: ReactNode
  /** The way out first, then the act. */
  actions?: ReactNode
  /** Makes the whole a form, so that Enter does the act. */
  onSubmit?: () => void
}

const WIDTHS = { normal: 'w-[560px]', secret: 'w-[600px]', wide: 'w-[640px]' }

export function Dialog(props: DialogProps) {
  const { open, onClose, title, about, width = 'normal', children, help, actions, onSubmit } = props
  const id = useId()
  const parts = (
    <>
      <header className="flex items-start gap-3 px-5 pt-5">
        <div className="min-w-0 grow">
          <h2 id={id} className="text-16 font-semi">
            {title}
          </h2>
          {about !== undefined && <p className="text-text-2">{about}</p>}
        </div>
        {onClose && (
          <Button variant="ghost" size="sm" icon aria-label="Close" onClick={onClose}>
            <X className="size-4" strokeWidth={1.6} />
          </Button>
        )}
      </header>
      <div className="min-h-0 overflow-auto px-5 pt-4 pb-5">{children}</div>
      {(actions !== undefined || help !== undefined) && (
        <footer className="flex items-center gap-2 border-t border-line bg-sunken px-5 py-3">
          <div className="min-w-0 grow text-12 text-text-3">{help}</div>
          {actions}
        </footer>
      )}
    </>
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onSubmit?.()
  }
  const column = 'flex max-h-[calc(100dvh-2rem)] flex-col'
  return (
    <Modal
      open={open}
      onClose={onClose}
      labelledBy={id}
      className={cx('modal-box max-w-[calc(100vw-2rem)] rounded-4', WIDTHS[width])}
    >
      {onSubmit ? (
        <form className={column} onSubmit={submit} noValidate>
          {parts}
        </form>
      ) : (
        <div className={column}>{parts}</div>
      )}
    </Modal>
  )
}
