/**
 * Extra tools and methods for the official conformance suite, given as data. Only a test's composition passes them; the
 * server's own composition root has no way to.
 */
import type {
  CallToolResult,
  InputRequiredResult,
  Result,
  ServerCapabilities,
  ServerContext,
  ServerNotifier,
  ServerOptions,
  StandardSchemaWithJSON,
  Tool,
} from '@modelcontextprotocol/server'
import type { Started, TaskSource } from './tasks.ts'

export interface FixtureTool {
  tool: Tool
  handle(input: Record<string, unknown>, context: FixtureContext): Promise<FixtureResult> | FixtureResult
}
type FixtureResult = CallToolResult | InputRequiredResult | Started

export interface FixtureContext extends ServerContext {
  notify: ServerNotifier
}

export interface Fixtures {
  capabilities: ServerCapabilities
  options?: Pick<ServerOptions, 'requestState'>
  tools: ReadonlyMap<string, FixtureTool>
  /** The tasks that the fixtures start. */
  tasks: TaskSource
  /** Handlers of methods that Breeze itself doesn't serve: resources, prompts, completion. */
  methods: Readonly<
    Record<string, (params: Record<string, unknown>, context: FixtureContext) => Promise<Result> | Result>
  >
}

/** A JSON Schema in the shape that the library registers; advertised as it is and never used to validate. */
export function asSchema(json: Record<string, unknown>): StandardSchemaWithJSON {
  return {
    '~standard': {
      version: 1,
      vendor: 'breeze',
      validate: (value) => ({ value }),
      jsonSchema: { input: () => json, output: () => json },
    },
  }
}
