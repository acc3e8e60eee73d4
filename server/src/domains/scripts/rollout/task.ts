/** What is stored with a run in stages; the script and its values are those of the run. */
import { z } from 'zod'

export const SCRIPT_RUN = 'scripts'
export const scriptTask = z.object({ waitMinutes: z.number() })
export type ScriptTask = z.output<typeof scriptTask>
