import { ConfirmDialog } from '../../ui/confirm-dialog.tsx'
import { type ApiKey, useDeleteKey } from './api-keys.ts'

export function DeleteKey({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const remove = useDeleteKey(onClose)
  return (
    <ConfirmDialog
      title={`Delete “${apiKey.name}”?`}
      about="Its next call is refused and its open streams are cut. A deleted key cannot be brought back."
      act="Delete key"
      doing="Deleting…"
      keep="Keep key"
      busy={remove.busy}
      refusal={remove.refusal}
      onKeep={onClose}
      onAct={() => remove.run({ key: apiKey.id })}
    />
  )
}
