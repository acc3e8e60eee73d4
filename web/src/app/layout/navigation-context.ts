import { createContext, useContext } from 'react'

interface NavigationActions {
  openMenu: () => void
  openPalette: () => void
}

export const NavigationContext = createContext<NavigationActions>({
  openMenu: () => undefined,
  openPalette: () => undefined,
})
export const useNavigation = (): NavigationActions => useContext(NavigationContext)
