import { useState } from 'react'
import { Button } from '../../ui/button.tsx'
import { Checkbox } from '../../ui/checkbox.tsx'
import { CodeBlock } from '../../ui/copy-field.tsx'
import { Dialog } from '../../ui/dialog.tsx'

/** Shown this once. Closed only when they were copied, or when the person says that they are stored. */
export function RecoveryCodes({ codes, onDone }: { codes: readonly string[]; onDone: () => void }) {
  const [kept, setKept] = useState(false)
  return (
    <Dialog
      open
      width="secret"
      title="Keep your recovery codes"
      about="Each one signs you in once, in place of the app or the passkey. This is the only time they are shown; former codes have ended."
      help={
        <Checkbox
          label={<span className="text-13 text-text">I stored them somewhere safe</span>}
          checked={kept}
          onChange={(event) => setKept(event.target.checked)}
        />
      }
      actions={
        <Button disabled={kept ? false : 'Copy them first, or say that you stored them.'} onClick={onDone}>
          Done
        </Button>
      }
    >
      <CodeBlock code={codes.join('\n')} what="recovery codes" onCopied={() => setKept(true)} />
    </Dialog>
  )
}
