import type { AgentFrame } from '@breeze/contract/agent-protocol'

export type StopReason = Extract<AgentFrame, { type: 'goodbye' }>['reason']
