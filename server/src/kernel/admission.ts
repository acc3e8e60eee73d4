/** The first half of the door, which needs no database: does the tool exist, is the input valid, may this caller do it. */
import type { Scope, Surface } from '@breeze/contract/governance'
import type { Caller } from './caller.ts'
import { invalidInput, KernelError } from './errors.ts'
import { actingCaller } from './gates/elevated.ts'
import { mayUse, type Governance } from './gates/may-use.ts'
import { lackedScope } from './gates/scope.ts'
import type { Registry } from './registry.ts'
import type { Call, Tool } from './tool.ts'

export interface Admitted {
  tool: Tool
  call: Call
  /** What the gates judge: the call itself, or the one it stands for. */
  judged: { tool: Tool; call: Call }
}

export function unknownTool(name: string): KernelError {
  return new KernelError({
    code: 'unknown_tool',
    reason: `There is no tool "${name.replaceAll(/[^\w.-]/g, '?').slice(0, 64)}" here.`,
    remedy: 'List the tools and use a name from there.',
  })
}

/** Parses a call and what it stands for; throws `unknown_tool` or `invalid_input`. */
export function parseCall(registry: Registry, surface: Surface, name: string, input: unknown): Admitted {
  const tool = registry.get(name)
  if (!tool?.surfaces.has(surface)) throw unknownTool(name)
  const call = tool.parse(input)
  if (!call.standsFor) return { tool, call, judged: { tool, call } }
  const inner = registry.get(call.standsFor.tool)
  if (!inner?.surfaces.has(surface)) throw unknownTool(call.standsFor.tool)
  const innerCall = inner.parse(call.standsFor.input)
  if (innerCall.standsFor) throw invalidInput(`${inner.name} can't stand inside ${name}.`)
  return { tool, call, judged: { tool: inner, call: innerCall } }
}

/** Throws the refusal of the first gate that refuses. */
export function checkGates(caller: Caller, admitted: Admitted, governance: Governance): void {
  const { tool, call } = admitted.judged
  const verdict = mayUse(caller, tool, call.action, governance)
  if (verdict.verdict === 'deny') throw new KernelError(verdict.denial)
}

export function missingScope(
  caller: Caller,
  registry: Registry,
  governance: Governance,
  surface: Surface,
  name: string,
  input: unknown,
): Scope | null {
  try {
    const { judged } = parseCall(registry, surface, name, input)
    const { area } = judged.tool
    const { action } = judged.call
    return lackedScope(actingCaller(caller, area, action, governance), area, action)
  } catch (error) {
    // An unknown tool or a bad input has no scope to ask for; the call itself will say what is wrong.
    if (error instanceof KernelError) return null
    throw error
  }
}
