/** Whatever is true of agents over a WebSocket is true over long-polling: the same tests, registered once more. */
import { describe } from 'vitest'
import { useTransport } from './test-agent.ts'

useTransport('polling')

describe('commands', async () => void (await import('./commands.test.ts')))
describe('cancels', async () => void (await import('./cancel.test.ts')))
describe('output', async () => void (await import('./output.test.ts')))
describe('inventory', async () => void (await import('./inventory.test.ts')))
describe('software', async () => void (await import('./software.test.ts')))
describe('isolation', async () => void (await import('./isolation.test.ts')))
