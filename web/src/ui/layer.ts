/**
 * Where what floats is put. A modal dialog makes the rest of the page inert, so that menus and popovers opened within one
 * must be inside it.
 */
import { createContext, useContext } from 'react'

export const LayerContext = createContext<HTMLElement | null>(null)
export const useLayer = (): HTMLElement | null => useContext(LayerContext)
