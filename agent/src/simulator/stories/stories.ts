import { dcDegraded } from './dc-degraded.ts'
import { morning } from './morning.ts'
import type { Story } from './story.ts'
import { flapping, patchNightStory, siteOutage } from './turns.ts'

export const STORIES = {
  morning,
  'dc-degraded': dcDegraded,
  'patch-night': patchNightStory,
  'site-outage': siteOutage,
  flapping,
} as const satisfies Readonly<Record<string, Story>>

export type StoryName = keyof typeof STORIES
// Object.keys forgets which keys there are.
export const STORY_NAMES = Object.keys(STORIES) as StoryName[]
