import { type ReactNode, useEffect, useRef, useState } from 'react'
import { Button } from './button.tsx'
import { Checkbox } from './checkbox.tsx'
import { CopyField } from './copy-field.tsx'
import { Dialog } from './dialog.tsx'

interface RevealOnceProps {
  title: string
  about?: ReactNode
  /** What the secret is called, such as "Key". */
  label: string
  secret: string
  /** What it may do, and what to run with it. */
  children?: ReactNode
  onDone: () => void
}

/** A secret that is shown this once. It can be closed only when it was copied, or when the person says that it is stored. */
export function RevealOnce({ title, about, label, secret, children, onDone }: RevealOnceProps) {
  const [kept, setKept] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => field.current?.focus(), [])
  return (
    <Dialog
      open
      width="secret"
      title={title}
      about={about ?? 'This is the only time it is shown. Breeze keeps a hash and cannot show it again.'}
      help={
        <Checkbox
          label={<span className="text-13 text-text">I stored it somewhere safe</span>}
          checked={kept}
          onChange={(event) => setKept(event.target.checked)}
        />
      }
      actions={
        <Button disabled={kept ? false : 'Copy it first, or say that you stored it.'} onClick={onDone}>
          Done
        </Button>
      }
    >
      <CopyField ref={field} label={label} value={secret} onCopied={() => setKept(true)} />
      {children !== undefined && <div className="mt-4 flex flex-col gap-4">{children}</div>}
    </Dialog>
  )
}
