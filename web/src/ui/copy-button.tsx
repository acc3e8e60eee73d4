import { Check, Copy } from 'lucide-react'
import { useEffect, useState } from 'react'
import { Button, type ButtonLook } from './button.tsx'

type CopyButtonProps = Pick<ButtonLook, 'size' | 'variant'> & {
  text: string
  /** What is copied, for those who hear the page where several are: the name stays "Copy" at its start. */
  what?: string
  onCopied?: () => void
  className?: string
}

export function CopyButton({ text, what, onCopied, size = 'sm', variant, className }: CopyButtonProps) {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return undefined
    const timer = setTimeout(() => setCopied(false), 2000)
    return () => clearTimeout(timer)
  }, [copied])
  const copy = async () => {
    if (!(await toClipboard(text))) return
    setCopied(true)
    onCopied?.()
  }
  return (
    <>
      <Button
        size={size}
        {...(variant !== undefined && { variant })}
        className={className}
        aria-label={what === undefined ? 'Copy' : `Copy ${what}`}
        onClick={() => void copy()}
      >
        {copied ? (
          <Check className="size-4" strokeWidth={1.6} aria-hidden="true" />
        ) : (
          <Copy className="size-4" strokeWidth={1.6} aria-hidden="true" />
        )}
        Copy
      </Button>
      <span role="status" className="sr-only">
        {copied ? 'Copied' : ''}
      </span>
    </>
  )
}

/** Plain http has no clipboard of its own but for this machine's; the old way then works. */
async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return oldWay(text)
  }
}

function oldWay(text: string): boolean {
  const area = document.createElement('textarea')
  area.value = text
  const within = document.querySelector('dialog[open]') ?? document.body
  within.append(area)
  area.select()
  const done = document.execCommand('copy')
  area.remove()
  return done
}
