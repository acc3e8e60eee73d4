import { type ReactNode, useEffect } from 'react'
import { Mark } from '../../ui/mark.tsx'

interface FrameProps {
  title: string
  about?: ReactNode
  children?: ReactNode
}

/** The one column of 376 of the pages that need no session. */
export function SignedOut({ title, about, children }: FrameProps) {
  useEffect(() => {
    document.title = `${title} · Breeze`
  }, [title])
  return (
    <div className="grid min-h-dvh grid-cols-[minmax(0,1fr)] grid-rows-[1fr_auto]">
      <main className="grid grid-cols-[minmax(0,1fr)] place-items-center p-4 py-6 max-sm:place-items-start">
        <div className="w-94 max-w-full max-sm:w-full">
          <div className="mb-7 flex items-center gap-3">
            <Mark className="size-7" />
            <b className="text-14 font-semi">Breeze</b>
          </div>
          <h1 className="text-24 font-semi">{title}</h1>
          {about !== undefined && <p className="mt-1 text-14 text-text-2">{about}</p>}
          <div className="mt-6">{children}</div>
        </div>
      </main>
      <footer className="flex justify-center gap-4 p-4 text-12 text-text-3">{location.host}</footer>
    </div>
  )
}

export const Or = () => (
  <div className="my-5 flex items-center gap-3 text-12 text-text-3">
    <span className="h-px grow bg-line" />
    or
    <span className="h-px grow bg-line" />
  </div>
)
