/** Just enough of a shell to tell statements apart. */

/** Statements in their order: one per line, `;` or `&&`, with quotes respected and comments left out. */
export function statementsOf(content: string): string[] {
  const statements: string[] = []
  let current = ''
  let quote: string | undefined
  const end = (): void => {
    const statement = current.trim()
    if (statement !== '' && !isNoise(statement)) statements.push(statement)
    current = ''
  }
  for (let index = 0; index < content.length; index++) {
    const character = content.charAt(index)
    if (quote !== undefined) {
      if (character === quote) quote = undefined
      current += character
    } else if (character === '"' || character === "'") {
      quote = character
      current += character
    } else if (character === '\n' || character === ';') end()
    else if (character === '&' && content.charAt(index + 1) === '&') {
      end()
      index++
    } else if (character === '#' && /^\s*$/.test(current)) {
      const line = content.indexOf('\n', index)
      index = line === -1 ? content.length : line - 1
    } else current += character
  }
  end()
  return statements
}

/** Lines that set something up and say nothing. */
function isNoise(statement: string): boolean {
  return /^(set [-+]\S+.*|import [\w., ]+|from \S+ import .*|\$\w+ ?= ?'[^']*'|export \w+=\S*)$/.test(statement)
}

/** The first command of a pipe, without redirections: what follows only formats its output. */
export function commandOf(statement: string): string {
  const [first = ''] = statement.split(/\s\|\s?/)
  return first.replaceAll(/\s*\d?>{1,2}\s*(&\d|\S+)/g, '').trim()
}

/** What `echo` would print: quotes taken off, the few variables that scripts ask for put in. */
export function expanded(text: string, variables: Readonly<Record<string, string>>): string {
  const unquoted = text.trim().replaceAll(/^(["'])(.*)\1$/gs, '$2')
  return Object.entries(variables).reduce((line, [name, value]) => line.replaceAll(name, value), unquoted)
}
