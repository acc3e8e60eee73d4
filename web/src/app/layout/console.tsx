import { Outlet } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useState } from 'react'
import { StopBars } from '../../features/emergency/stop-bar.tsx'
import { Modal } from '../../ui/modal.tsx'
import { Toaster } from '../../ui/toaster.tsx'
import { HeldProvider } from '../held.tsx'
import { useLiveStream } from '../live.ts'
import { StepUpProvider } from '../step-up.tsx'
import { NavigationContext } from './navigation-context.ts'
import { Navigation } from './navigation.tsx'

const Palette = lazy(() => import('./palette.tsx').then(({ Palette }) => ({ default: Palette })))

/** What is around every page of the signed-in. Each page brings its own bar, by `Page`. */
export function Console() {
  const [menu, setMenu] = useState(false)
  const [palette, setPalette] = useState(false)
  useLiveStream()
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return
      event.preventDefault()
      setPalette((open) => !open)
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
  return (
    <NavigationContext value={{ openMenu: () => setMenu(true), openPalette: () => setPalette(true) }}>
      <StepUpProvider>
        <a
          href="#main"
          className="absolute top-2 left-2 z-60 -translate-y-16 rounded-2 bg-accent px-3 py-2 font-medium text-accent-fg focus:translate-y-0"
        >
          Skip to the page
        </a>
        <div className="flex h-dvh flex-col">
          <StopBars />
          <div className="grid min-h-0 grow grid-cols-[minmax(0,1fr)] grid-rows-[minmax(0,1fr)] sm:grid-cols-[56px_minmax(0,1fr)] lg:grid-cols-[224px_minmax(0,1fr)]">
            <div className="contents max-sm:hidden">
              <Navigation />
            </div>
            <HeldProvider>
              <Outlet />
            </HeldProvider>
          </div>
        </div>
        <Modal
          open={menu}
          onClose={() => setMenu(false)}
          label="Menu"
          className="m-0 h-dvh max-h-none w-70 max-w-[85vw] border-r border-line-strong bg-canvas! shadow-3 sm:hidden"
        >
          <Navigation full onNavigate={() => setMenu(false)} />
        </Modal>
        {palette && (
          <Suspense>
            <Palette onClose={() => setPalette(false)} />
          </Suspense>
        )}
        <Toaster />
      </StepUpProvider>
    </NavigationContext>
  )
}
