import { expect, test } from 'vitest'
import { parseEnvironments, parseProcesses } from './process-list.ts'

test('processes are read with their parents, groups and start', () => {
  const text = `    1     0     1 Ss   Wed Nov 25 22:03:11 2026
  512   500   510 S+   Thu Nov 26 08:00:00 2026
  600   512   510 Z    Thu Nov 26 08:00:01 2026
`
  expect(parseProcesses(text)).toEqual([
    { pid: 1, state: 'S', parent: 0, group: 1, session: 0, startTime: 'Wed Nov 25 22:03:11 2026' },
    { pid: 512, state: 'S', parent: 500, group: 510, session: 0, startTime: 'Thu Nov 26 08:00:00 2026' },
    { pid: 600, state: 'Z', parent: 512, group: 510, session: 0, startTime: 'Thu Nov 26 08:00:01 2026' },
  ])
})

test('only a whole entry of the environment counts', () => {
  const text = `  512 sleep 60 PATH=/bin BREEZE_EXECUTION_ID=abc HOME=/
  513 sleep 60 XBREEZE_EXECUTION_ID=abc
  514 sleep 60 BREEZE_EXECUTION_ID=abcd
`
  expect([...parseEnvironments(text, 'BREEZE_EXECUTION_ID=abc')]).toEqual([512])
})
