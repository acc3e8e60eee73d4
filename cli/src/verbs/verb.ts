/** What every verb has in common: --json, an example under --help, and a client made only when it runs. */
import { Command, InvalidArgumentError } from 'commander'
import { Client, type Json } from '../client.ts'
import { say, sayJson } from '../print.ts'
import { runTool } from '../run-tool.ts'
import { findServer } from '../server.ts'

export interface CommonOptions {
  json?: boolean
  yes?: boolean
}

export function verb(parent: Command, usage: string, description: string, example: string): Command {
  return parent
    .command(usage)
    .description(description)
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', `\nExample:\n  ${example.split('\n').join('\n  ')}`)
}

/** A verb that acts may be held for confirmation, where a policy says so. */
export function actingVerb(parent: Command, usage: string, description: string, example: string): Command {
  return verb(parent, usage, description, example).option(
    '--yes',
    'confirm without asking, should a policy hold the call',
  )
}

export async function runVerb(options: CommonOptions, tool: string, input: Record<string, unknown>): Promise<Json> {
  const client = new Client(await findServer())
  // What was not given on the command line is not part of the input.
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
  return runTool(client, tool, given, options)
}

/** Prints exactly these keys as JSON, or the sentence for people. */
export function answer(options: CommonOptions, data: Json, keys: readonly string[], sentence: () => string): void {
  if (!options.json) return say(sentence())
  sayJson(Object.fromEntries(keys.filter((key) => data[key] !== undefined).map((key) => [key, data[key]])))
}

/** For options given several times, with commas, or both. */
export const collect = (value: string, before: string[] = []): string[] => [
  ...before,
  ...value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
]

export function wholeNumber(text: string): number {
  const number = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number) || number < 1)
    throw new InvalidArgumentError('It must be a whole number from 1.')
  return number
}
