import { KeyRound } from 'lucide-react'
import { Button } from '../../ui/button.tsx'

export const PasskeyButton = ({ busy, onPress }: { busy: boolean; onPress: () => void }) => (
  <Button size="lg" block busy={busy && 'Waiting for the passkey…'} onClick={onPress}>
    <KeyRound className="size-4" strokeWidth={1.6} aria-hidden="true" />
    Use a passkey
  </Button>
)
