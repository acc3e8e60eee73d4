import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { KERNEL_RING } from './kernel-ring.ts'
import { kernelTail } from './kernel-tail.ts'

function isWritable(): boolean {
  try {
    accessSync(KERNEL_RING, constants.R_OK | constants.W_OK)
    return readFileSync('/proc/sys/kernel/printk_devkmsg', 'utf8').trim() !== 'off'
  } catch {
    return false
  }
}

test.runIf(isWritable())('a line that this machine’s kernel took in is read once', async () => {
  const tail = await kernelTail()
  if (typeof tail === 'string') throw new Error(tail)
  const start = await tail.read(undefined)
  expect(start.entries).toEqual([])
  const mark = `test-${process.pid}-${performance.now()}`
  writeFileSync(KERNEL_RING, `<3>breeze-test: ${mark}\n`)
  const next = await tail.read(start.position)
  const mine = next.entries.filter(({ message }) => message.includes(mark))
  expect(mine).toMatchObject([{ level: 'error', source: 'breeze-test' }])
  const last = await tail.read(next.position)
  expect(last.entries.filter(({ message }) => message.includes(mark))).toEqual([])
  // After a restart of the machine, all that the new kernel says is new.
  const booted = await tail.read('another-boot:999999999')
  expect(booted.entries.length).toBeGreaterThan(next.entries.length)
})
