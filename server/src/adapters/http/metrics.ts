/** Prometheus counters of this process. Labels are bounded: tool names are those of the registry, routes are patterns. */
import type { ErrorCode } from '@breeze/contract/governance'
import { Counter, Gauge, Histogram, type Registry, collectDefaultMetrics } from 'prom-client'
import type { Outcome } from '../../kernel/kernel.ts'

export interface Metrics {
  registry: Registry
  requestSeconds: Histogram<'method' | 'route' | 'status'>
  toolCalls: Counter<'tool' | 'channel' | 'outcome'>
  refusedCredentials: Counter
  throttled: Counter<'limit'>
  openStreams: Gauge<'leg'>
  sessions: Gauge
}

/** Default metrics that list every open handle: with ten thousand agents each reading stopped the event loop for 65 ms. */
const COSTLY = ['nodejs_active_handles', 'nodejs_active_resources', 'nodejs_active_requests']

/** Registers everything, the process's default metrics (memory, event-loop lag, collections) among them. */
export function createMetrics(registry: Registry): Metrics {
  collectDefaultMetrics({ register: registry })
  for (const name of COSTLY) for (const each of [name, `${name}_total`]) registry.removeSingleMetric(each)
  const registers = [registry]
  return {
    registry,
    requestSeconds: new Histogram({
      name: 'breeze_http_request_seconds',
      help: 'Time until the reply began, by route',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 45],
      registers,
    }),
    toolCalls: new Counter({
      name: 'breeze_tool_calls_total',
      help: 'Tool calls by outcome: done, held, or the code of the refusal or failure',
      labelNames: ['tool', 'channel', 'outcome'],
      registers,
    }),
    refusedCredentials: new Counter({
      name: 'breeze_http_refused_credentials_total',
      help: 'Requests answered 401',
      registers,
    }),
    throttled: new Counter({
      name: 'breeze_http_throttled_total',
      help: 'Requests answered 429, by limit',
      labelNames: ['limit'],
      registers,
    }),
    openStreams: new Gauge({
      name: 'breeze_mcp_open_streams',
      help: 'Open event streams by leg',
      labelNames: ['leg'],
      registers,
    }),
    sessions: new Gauge({ name: 'breeze_mcp_sessions', help: 'Live MCP sessions on this node', registers }),
  }
}

export function countCall(metrics: Metrics, tool: string, channel: string, outcome: Outcome): void {
  const code: ErrorCode | 'done' | 'held' = 'denial' in outcome ? outcome.denial.code : outcome.status
  // A name that no tool has came from the client: it must not become a label.
  metrics.toolCalls.inc({ tool: code === 'unknown_tool' ? 'unknown' : tool, channel, outcome: code })
}
