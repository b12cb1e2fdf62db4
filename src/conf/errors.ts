/**
 * Something the operator wrote is wrong: a flag, a variable, a key, a file. The message is one line that says
 * what was wrong, what was expected and what to do; the command line prints it on stderr and exits with 1.
 */
export class UsageError extends Error {
  override readonly name = 'UsageError'

  constructor(message: string, options?: ErrorOptions) {
    super(message.replace(/\s*[\r\n]+\s*/g, ' '), options)
  }
}

const MAX_QUOTED_CHARACTERS = 120

/** A value as an error message shows it: quoted, on one line, control characters escaped, cut when long. */
export function quoted(value: string): string {
  const shown =
    value.length > MAX_QUOTED_CHARACTERS ? `${value.slice(0, MAX_QUOTED_CHARACTERS)}...` : value
  return JSON.stringify(shown)
}
