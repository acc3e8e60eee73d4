import { expect, it } from 'vitest'
import { bestOf, readWanted } from './matching.ts'

it('takes the words of a sentence once each, and few of them', () => {
  expect(readWanted(' Disk alerts, of "ACME-DC-01" (disk) a ')).toEqual({
    phrase: 'disk alerts, of "acme-dc-01" (disk) a',
    words: ['disk', 'alerts', 'of', 'acme-dc-01'],
  })
  expect(readWanted('one two three four five six seven').words).toHaveLength(6)
})

it('keeps whoever matches the phrase, and the best of those that match words', () => {
  const hits = [10, 3020, 20, 1010, 20, 0].map((rank) => ({ rank }))
  expect(bestOf(hits).map(({ rank }) => rank)).toEqual([3020, 1010, 20, 20])
  expect(bestOf([{ rank: 0 }])).toEqual([])
})
