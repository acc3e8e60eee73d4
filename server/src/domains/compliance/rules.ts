/** Which values a partner and its organizations may set for the checks, and how they are laid over each other. */
import { z } from 'zod'
import { DEFAULT_RULES, type Rules } from './checks/check.ts'

const accountName = z.string().trim().min(1).max(128)

const days = z.number().int().min(1).max(365)

export const rulesShape = z.object({
  reportingDays: days,
  serverStaleHours: z
    .number()
    .int()
    .min(1)
    .max(24 * 31),
  workstationStaleDays: z.number().int().min(1).max(90),
  patchDays: days,
  rebootDays: days,
  definitionsDays: z.number().int().min(1).max(90),
  screenLockMinutes: z.number().int().min(1).max(240),
  dormantDays: days,
  allowedAdministrators: z.array(accountName).max(200),
})
const storedRules = rulesShape.partial()
/** Values of one level; what is absent is the next more general level's. */
export type OwnRules = { [Name in keyof z.infer<typeof rulesShape>]?: z.infer<typeof rulesShape>[Name] | undefined }
/** Null takes a value away. */
export type RulesChange = { [Name in keyof OwnRules]?: OwnRules[Name] | null }

export const parseOwnRules = (stored: unknown): OwnRules => storedRules.parse(stored)

/** The more special values win; a list replaces the more general one whole. */
export const layered = (...levels: readonly OwnRules[]): Rules => Object.assign({}, DEFAULT_RULES, ...levels)

export function merged(before: OwnRules, change: RulesChange): OwnRules {
  const entries = Object.entries({ ...before, ...change }).filter(([, value]) => value !== null && value !== undefined)
  return parseOwnRules(Object.fromEntries(entries))
}
