/** What a simulation does besides living: each mode repeats one misfortune, or one load. */
export const MODES = {
  steady: 'devices live: heartbeats, inventory, answers to commands',
  herd: 'all connections are cut at once, and all devices return by their own jitter',
  'site-down': 'one site falls silent without a word, and its network returns after --down-for',
  slow: 'besides the devices, peers that dribble bytes or say nothing, and devices (--share) that stop reading',
  duplicates: 'commands arrive twice, and all that is said of them is said twice',
  'clock-skew': "each device's clock is off by up to --clock-skew, either way",
  churn: 'software changes and services flap on a share of the devices (--share): differences and sections are sent',
  'fan-out': 'a script to all devices; the next one when all results are there',
} as const
export type Mode = keyof typeof MODES
export const MODE_NAMES = Object.keys(MODES) as [Mode, ...Mode[]]
