/** The parts of the page, each with an address of its own. */
export type Section = 'tools' | 'confirmation' | 'denied' | 'limits'

export const SECTIONS: readonly { value: Section; label: string }[] = [
  { value: 'tools', label: 'Tools' },
  { value: 'confirmation', label: 'Confirmation' },
  { value: 'denied', label: 'Denied and throttled' },
  { value: 'limits', label: 'Limits now' },
]

export function readSection(search: Record<string, unknown>): { show?: Section } {
  const show = SECTIONS.find(({ value }) => value === search['show'])?.value
  return show === undefined ? {} : { show }
}
