/** What a rule says: for each signal the shape of its condition, and the fields that all rules share. */
import { LOG_LEVELS, SCRIPT_LANGUAGES } from '@breeze/contract/agent-commands'
import { z } from 'zod'
import { deviceScope } from '../devices/scope.ts'
import { VULNERABILITY_SEVERITIES } from '../vulnerabilities/tables.ts'
import { SEVERITIES, type Severity } from './tables.ts'

export const METRICS = ['cpu', 'memory', 'swap', 'disk', 'load', 'received', 'sent'] as const
export type Metric = (typeof METRICS)[number]

const severity = z.enum(SEVERITIES)
const worst = (a: Severity, b: Severity): number => SEVERITIES.indexOf(a) - SEVERITIES.indexOf(b)

/** `*` stands for anything; letters mean themselves whatever their case. */
const pattern = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .refine((text) => text.split('*').length <= 4, 'at most three *')
const patterns = z.array(pattern).min(1).max(100)
const text = z.string().trim().min(1).max(200)

const metricLevel = z
  .object({
    severity,
    /** Fulfilled at this value and above. */
    fire: z.number().min(0),
    /** Over at this value and below; between the two it stays as it was. */
    clear: z.number().min(0),
    /** What to do about it, at the beginning of the title. */
    label: z.string().trim().min(1).max(60).optional(),
  })
  .refine((level) => level.clear <= level.fire, 'clear must not be above fire')

const fallsWith = (
  levels: readonly { severity: Severity }[],
  lessBad: (level: number, worse: number) => boolean,
): boolean =>
  levels.every((level, index) => {
    const worse = levels[index - 1]
    return worse === undefined || (worst(worse.severity, level.severity) < 0 && lessBad(index, index - 1))
  })

const metric = z
  .object({
    metric: z.enum(METRICS),
    /** Of disks: only this one. Otherwise each disk by itself. */
    mount: z.string().min(1).max(500).optional(),
    /** The worst first. */
    levels: z.array(metricLevel).min(1).max(SEVERITIES.length),
  })
  .strict()
  .refine(
    ({ levels }) => fallsWith(levels, (level, worse) => (levels[level]?.fire ?? 0) < (levels[worse]?.fire ?? 0)),
    'levels: the worst severity first, with the highest value',
  )

const certificateLevel = z.object({ severity, days: z.number().int().min(1).max(365) })
const certificate = z
  .object({
    /** The worst first; `days` before it expires. */
    levels: z.array(certificateLevel).min(1).max(SEVERITIES.length),
    /** Of those that expired longer ago nobody needs to hear any more. */
    expired_days: z.number().int().min(0).max(3650).default(30),
  })
  .strict()
  .refine(
    ({ levels }) => fallsWith(levels, (level, worse) => (levels[level]?.days ?? 0) > (levels[worse]?.days ?? 0)),
    'levels: the worst severity first, with the fewest days',
  )

const forecastLevel = z.object({ severity, days: z.number().int().min(1).max(365) })
const diskForecast = z
  .object({
    /** Only this one. Otherwise each disk by itself. */
    mount: z.string().min(1).max(500).optional(),
    /** The worst first; `days` until nothing is free. */
    levels: z.array(forecastLevel).min(1).max(SEVERITIES.length),
    /** How far back the trend is taken from. A disk of which less than half of these days is known says nothing. */
    history_days: z.number().int().min(7).max(90).default(14),
  })
  .strict()
  .refine(
    ({ levels }) => fallsWith(levels, (level, worse) => (levels[level]?.days ?? 0) > (levels[worse]?.days ?? 0)),
    'levels: the worst severity first, with the fewest days',
  )

export const checkFields = {
  timeout_seconds: z.number().int().min(1).max(600),
  interval_minutes: z.number().int().min(5).max(10_080),
  /** One of them is enough. Neither: an exit code other than 0. */
  exit_codes: z.array(z.number().int().min(0).max(4_294_967_295)).min(1).max(50).optional(),
  /** Somewhere in a line of the output. */
  output: pattern.optional(),
}

const supportLevel = z.object({ severity, days: z.number().int().min(0).max(730) })
const osSupport = z
  .object({
    /** The worst first; `days` until the last day of support, 0: on that day and after it. */
    levels: z.array(supportLevel).min(1).max(SEVERITIES.length),
  })
  .strict()
  .refine(
    ({ levels }) => fallsWith(levels, (level, worse) => (levels[level]?.days ?? 0) > (levels[worse]?.days ?? 0)),
    'levels: the worst severity first, with the fewest days',
  )

/** As `manage_script_checks` writes it; the script itself lies with what devices are sent. */
const scriptCheck = z
  .object({
    language: z.enum(SCRIPT_LANGUAGES),
    /** Of the library; null: a text. */
    script: z.object({ id: z.uuid(), version: z.number().int().min(1), name: z.string() }).nullable(),
    /** SHA-256 of the text. */
    digest: z.string(),
    ...checkFields,
  })
  .strict()

/** By signal. */
export const conditions = {
  metric,
  disk_forecast: diskForecast,
  service_stopped: z
    .object({
      /** Which; otherwise every one that starts by itself and was seen running. */
      services: patterns.optional(),
      except: patterns.optional(),
      /** These are critical, whatever the rule's severity, and alarm even if they were never seen running. */
      critical: patterns.optional(),
    })
    .strict(),
  device_offline: z.object({}).strict(),
  site_offline: z
    .object({
      /** Of the devices that are normally there. */
      share: z.number().min(0.1).max(1).default(0.5),
      least: z.number().int().min(2).max(1000).default(3),
      within_seconds: z.number().int().min(30).max(900).default(120),
    })
    .strict(),
  patch_failed: z.object({ within_days: z.number().int().min(1).max(365).default(14) }).strict(),
  reboot_pending: z.object({}).strict(),
  os_support: osSupport,
  vulnerability: z
    .object({
      /** Of this severity or worse. */
      least: z.enum(VULNERABILITY_SEVERITIES).default('high'),
      /** Only those that an update repairs. */
      fixable_only: z.boolean().default(true),
    })
    .strict(),
  certificate_expiring: certificate,
  failed_sign_ins: z
    .object({
      count: z.number().int().min(1).max(10_000).default(10),
      within_minutes: z.number().int().min(1).max(1440).default(10),
    })
    .strict(),
  new_local_admin: z.object({}).strict(),
  software_installed: z.object({ names: patterns }).strict(),
  event_log: z
    .object({
      log: text.optional(),
      program: text.optional(),
      text: text.optional(),
      min_level: z.enum(LOG_LEVELS).optional(),
      count: z.number().int().min(1).max(10_000).default(1),
      within_minutes: z.number().int().min(1).max(1440).default(10),
    })
    .strict()
    .refine(({ log, program, text, min_level }) => log ?? program ?? text ?? min_level, 'say what to look for'),
  script_check: scriptCheck,
  clock_skewed: z.object({ seconds: z.number().int().min(30).max(86_400).default(300) }).strict(),
  burst: z.object({ alerts_per_minute: z.number().int().min(3).max(1000).default(20) }).strict(),
} as const

export type Signal = keyof typeof conditions
export const SIGNALS = Object.keys(conditions) as Signal[]
export type Condition<S extends Signal> = z.output<(typeof conditions)[S]>

/** A day more than a month: nothing is pending for longer. */
const MOST_SECONDS = 32 * 86_400

export const ruleFields = {
  name: z.string().trim().min(1).max(120),
  scope: deviceScope.default({}),
  severity,
  fire_after_seconds: z.number().int().min(0).max(MOST_SECONDS).default(0),
  /** Five minutes keep what comes and goes from being told each time. */
  clear_after_seconds: z.number().int().min(0).max(MOST_SECONDS).default(300),
  auto_resolve: z.boolean().default(true),
  notify: z.boolean().default(true),
  enabled: z.boolean().default(true),
}

/** Parses the condition of a signal; throws what zod says. */
export const parseCondition = <S extends Signal>(signal: S, condition: unknown): Condition<S> =>
  // The table's type ties each signal to its schema; indexing it with a type parameter loses that.
  conditions[signal].parse(condition) as Condition<S>

/** A test of names against patterns, made once. */
export function matcher(wanted: readonly string[]): (name: string) => boolean {
  const parts = wanted.map((item) =>
    item
      .split('*')
      .map((part) => part.replaceAll(/[$()+.?[\\\]^{|}]/g, String.raw`\$&`))
      .join('.*'),
  )
  const expression = new RegExp(`^(?:${parts.join('|')})$`, 'is')
  return (name) => expression.test(name)
}
