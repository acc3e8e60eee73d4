import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** What the build made: beside the server's own bundle, or where the build leaves it when the server runs from its sources. */
export function built(name: string): string {
  const beside = fileURLToPath(new URL(`./${name}`, import.meta.url))
  return existsSync(beside) ? beside : fileURLToPath(new URL(`../../dist/${name}`, import.meta.url))
}
