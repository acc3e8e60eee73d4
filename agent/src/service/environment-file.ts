/** `NAME='value'` lines, which systemd's `EnvironmentFile` and a shell's `.` read alike. */
export function environmentText(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => {
      if (/['\n\r\\]/.test(value)) throw new Error(`${name} must not hold quotes, backslashes or line breaks`)
      return `${name}='${value}'\n`
    })
    .join('')
}

export function parseEnvironmentText(text: string): Record<string, string> {
  const values: Record<string, string> = {}
  for (const [, name, value] of text.matchAll(/^([A-Za-z_][A-Za-z0-9_]*)='([^'\n]*)'$/gm)) {
    if (name !== undefined && value !== undefined) values[name] = value
  }
  return values
}
