import { cisControls } from './cis-controls.ts'
import { cyberEssentials } from './cyber-essentials.ts'
import { essentialEight } from './essential-eight.ts'
import type { Framework } from './framework.ts'

/** Those that come with Breeze; the first is taken where none is named. */
export const BUILT_IN: readonly [Framework, ...Framework[]] = [cisControls, essentialEight, cyberEssentials]
