import type { ReactNode } from 'react'
import { Button } from './button.tsx'
import { Refused } from './confirm-dialog.tsx'
import { Dialog } from './dialog.tsx'
import type { TierNumber } from './tier.tsx'

interface FormDialogProps {
  title: ReactNode
  about?: ReactNode
  /** The act, such as "Create key". */
  act: string
  /** While it is being done, such as "Creating…". */
  doing: string
  busy: boolean
  refusal: string | undefined
  /** The tier of the act. */
  tier?: TierNumber
  /** Solid red, for what destroys. */
  danger?: boolean
  /** Why it can not be done yet. */
  disabled?: string | false
  /** The way out says what stays. */
  keep?: string
  help?: ReactNode
  width?: 'normal' | 'wide'
  onClose: () => void
  onSubmit: () => void
  children: ReactNode
}

/** Of something that is there already. */
export const SaveDialog = (props: Omit<FormDialogProps, 'act' | 'doing' | 'tier'>) => (
  <FormDialog {...props} act="Save changes" doing="Saving…" tier={2} />
)

/** A few fields and one act; Enter does it, and what the server refuses stands below what was typed. */
export function FormDialog(props: FormDialogProps) {
  const {
    title,
    about,
    act,
    doing,
    busy,
    refusal,
    tier,
    danger,
    disabled,
    keep = 'Cancel',
    help,
    width = 'normal',
  } = props
  return (
    <Dialog
      open
      onClose={props.onClose}
      width={width}
      title={title}
      about={about}
      help={help}
      onSubmit={() => (disabled === false || disabled === undefined ? props.onSubmit() : undefined)}
      actions={
        <>
          <Button onClick={props.onClose}>{keep}</Button>
          <Button
            variant={danger ? 'danger' : 'primary'}
            type="submit"
            busy={busy && doing}
            disabled={disabled}
            tier={tier}
          >
            {act}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-5">{props.children}</div>
      {refusal !== undefined && <Refused text={refusal} />}
    </Dialog>
  )
}
